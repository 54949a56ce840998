import { writeFileSync } from 'node:fs';
import { quote } from '../fields/shell-quote.ts';
import { capabilityMask } from '../machine/kernel.ts';
import { needTool } from '../machine/tools.ts';
import type { SeccompProfile, Ulimit, User } from '../protocol/exec-request.ts';
import { entryPath } from '../protocol/program-path.ts';
import type { Isolation } from '../protocol/rung.ts';
import { canMakePrograms } from './call-program.ts';
import { CAPABILITY_NAMES, within } from './capabilities.ts';
import { isTooLong, tooLong } from './command-lookup.ts';
import { commandProgram } from './command-program.ts';
import { carriers } from './environment.ts';
import { filterProgram } from './filter-program.ts';

/** All bits, for newer kernels with further capabilities: see `CommandProgramOptions`. */
const ALL_CAPABILITIES = 2n ** 63n - 1n;

/** User, working directory and rights of a command, inside its root. */
export interface BecomeRequest {
  user: User;
  /** Absolute, inside the root. */
  cwd: string;
  isolation: Isolation;
  /** Names as in `capabilities.ts`; those that this process lacks are left out. */
  capabilities: readonly string[];
  /** no_new_privs of prctl(2). */
  noNewPrivileges: boolean;
  /** Filter of system calls; absent: none. */
  seccomp: SeccompProfile | undefined;
  /** File descriptors that are given to the user (fchown): no other process uses their files. */
  handedOver?: readonly number[];
  /** The command joins a user namespace, for which the kernel fills the bounding set. */
  hasJoinedUsers?: boolean;
}

/** The settings of `become.js`, as JSON in its first argument. */
export interface BecomeSettings {
  cwd: string;
  uid: number;
  /** File descriptors: see `BecomeRequest`. */
  handedOver?: readonly number[];
  /** Numbers. */
  capabilities: number[];
  /** The program of a seccomp filter, in base64. */
  filter?: string;
  /** Further settings, which otherwise the machine's programs apply. */
  further?: {
    gid: number;
    groups: number[];
    noNewPrivileges: boolean;
    /** Standard input is the controlling terminal of its own session. */
    leadsTerminal: boolean;
    ulimits: readonly Ulimit[];
  };
}

/** A line of POSIX shell that executes a command in the shell's place. */
export interface BecomeScript {
  /** The words, quoted for the shell; `args` follow them. */
  line: string;
  args: string[];
  /** Variables that the shell must have. */
  variables: Record<string, string>;
}

/**
 * The line with which a POSIX shell executes a command in its place. The shell must be in the command's namespaces, with
 * the machine's root as its root, and the command's root as its working directory.
 *
 * @param environment the command's variables, `K=V`
 * @param place absolute path at which to write the program that does it, which contains the variables
 * @param path of the same file inside the shell's mount namespace
 */
export function becomeScript(
  request: BecomeRequest,
  { environment, args }: { environment: readonly string[]; args: readonly string[] },
  place: string,
  path = place,
): BecomeScript {
  const { user, isolation, cwd, noNewPrivileges, seccomp, handedOver = [] } = request;
  const bounding = capabilityMask('CapBnd');
  const capabilities = within(bounding, request.capabilities);
  const singleId = isolation === 'single';
  // Checked here, since the kernel's error would be reported by a shell.
  if (isTooLong([...args, ...environment])) throw tooLong();
  if (canMakePrograms()) {
    const program = commandProgram({
      ...{ user, singleId, cwd, capabilities, bounding, noNewPrivileges, seccomp, environment, args, path },
      ...(request.hasJoinedUsers && { bounding: ALL_CAPABILITIES }),
      handedOver,
    });
    writeFileSync(place, program, { mode: 0o700 });
    return { line: quote(path), args: [], variables: {} };
  }
  const identity = [
    ...[needTool('setpriv'), '--inh-caps=-all'],
    ...(noNewPrivileges ? ['--no-new-privs'] : []),
    // With a single id the kernel does not permit setgroups.
    ...(singleId ? [] : [`--regid=${user.gid}`, `--groups=${user.groups.join(',')}`]),
    '--',
  ];
  const settings: BecomeSettings = {
    cwd,
    uid: user.uid,
    ...(singleId ? {} : { handedOver }),
    capabilities: capabilities.map((name) => CAPABILITY_NAMES.indexOf(name)),
    ...(seccomp === undefined ? {} : { filter: filterProgram(seccomp).toString('base64') }),
  };
  // The variables are passed under other names: Node would obey some of them.
  const node = [process.execPath, entryPath('become'), JSON.stringify(settings), String(environment.length)];
  return {
    line: [...identity, ...node].map(quote).join(' '),
    args: [...args],
    variables: carriers(environment),
  };
}
