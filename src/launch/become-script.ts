import { writeFileSync } from 'node:fs';
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
import { quote } from './setup-lines.ts';

/** More than there are, for kernels that have more of them: see `CommandProgramOptions`. */
const ALL_CAPABILITIES = 2n ** 63n - 1n;

/** Who and where a command is, inside its root. */
export interface BecomeRequest {
  user: User;
  /** Absolute, inside the root. */
  cwd: string;
  isolation: Isolation;
  /** Names as in `capabilities.ts`; those that this process lacks itself are left out. */
  capabilities: readonly string[];
  /** No program can give the command more rights, setuid bit or not. */
  noNewPrivileges: boolean;
  /** The system calls that it may make; absent: all. */
  seccomp: SeccompProfile | undefined;
  /** File descriptors of what becomes the user's: nobody else has it. */
  handedOver?: readonly number[];
  /** It has joined a user namespace: the kernel has put every capability into its bounding set. */
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
  /** What programs of the machine do where there are some. */
  further?: {
    gid: number;
    groups: number[];
    noNewPrivileges: boolean;
    /** Standard input is a terminal, and it leads a session of its own that has that. */
    leadsTerminal: boolean;
    ulimits: readonly Ulimit[];
  };
}

/** A line of POSIX shell that becomes a command. */
export interface BecomeScript {
  /** The words, quoted for the shell; `args` follow them. */
  line: string;
  args: string[];
  /** Variables that the shell must have. */
  variables: Record<string, string>;
}

/**
 * What turns a POSIX shell into a command. The shell must be in its namespaces already, with the root of the machine
 * as its root, and the command's root as its working directory.
 *
 * @param environment the command's variables, `K=V`
 * @param place absolute path of a file, for the program that does it: it has the variables in it
 * @param path of the same file as the shell sees it
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
  // The kernel's own words for it would be those of a shell.
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
    // With a single id there is no other user, and the kernel refuses to set groups.
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
  // It takes the variables as they are carried: some of them would mean something to Node.
  const node = [process.execPath, entryPath('become'), JSON.stringify(settings), String(environment.length)];
  return {
    line: [...identity, ...node].map(quote).join(' '),
    args: [...args],
    variables: carriers(environment),
  };
}
