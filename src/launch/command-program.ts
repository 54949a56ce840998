import { join } from 'node:path';
import type { SeccompProfile, User } from '../protocol/exec-request.ts';
import { type Call, callProgram, cText, type End, type Next, Words } from './call-program.ts';
import { CAPABILITY_NAMES } from './capabilities.ts';
import { filterFlags, filterProgram } from './filter-program.ts';

/** The attributes of a process when it executes a command. */
export interface CommandProgramOptions {
  user: User;
  /** With a single id the kernel does not permit setgroups. */
  singleId: boolean;
  /** Absolute, inside the root. */
  cwd: string;
  /** Names as in `capabilities.ts`; the process must have them. */
  capabilities: readonly string[];
  /** The process's bounding set: a bit mask, possibly with bits without a capability. */
  bounding: bigint;
  noNewPrivileges: boolean;
  /** Absent: all calls are allowed. */
  seccomp: SeccompProfile | undefined;
  /** File descriptors that are given to the user (fchown). */
  handedOver?: readonly number[];
  /** `K=V`: the complete environment of the command. */
  environment: readonly string[];
  args: readonly string[];
  /** Absolute path of the program's own file, outside the command's root. */
  path: string;
}

const AT_FDCWD = -100;
const F_OK = 0;
const KEYCTL_JOIN_SESSION_KEYRING = 1;
const PR_SET_KEEPCAPS = 8;
const PR_CAPBSET_DROP = 24;
const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP_SET_MODE_FILTER = 1;
const CAPABILITY_VERSION_3 = 0x20080522;
const INSTRUCTION_BYTES = 8;
/** Keeps the group, in fchown(2). */
const SAME = -1;

/**
 * An executable that enters the root, drops rights, and executes a command. Its process must be in the command's
 * namespaces, with the command's root as its working directory, all capabilities, and the command's standard error.
 *
 * The filter is set last: only the command itself is executed after that, so a profile need not allow other calls.
 * Setting it without no_new_privs needs CAP_SYS_ADMIN. The command gets its capabilities from the bounding set, which
 * lacks that one.
 */
export function commandProgram(options: CommandProgramOptions): Buffer {
  return callProgram([startedOnce(options), ...identity(options), ...execution(options)]);
}

/**
 * A script whose interpreter is /proc/self/exe would make the kernel execute this program endlessly. The second time it
 * is in the command's root, and does not find its own file there.
 */
function startedOnce({ args, path }: CommandProgramOptions): Call {
  const again = failure(`exec: "${args[0]}": its interpreter is not a program of the image`, 126);
  return { name: 'faccessat', args: [AT_FDCWD, cText(path), F_OK], failures: { any: again } };
}

function identity(options: CommandProgramOptions): Call[] {
  const { user, singleId, cwd, noNewPrivileges, seccomp, handedOver = [] } = options;
  const isRoot = user.uid === 0;
  const keep = mask(options.capabilities);
  const sysAdmin = mask(['sys_admin']);
  const held = (isRoot ? keep : 0n) | (seccomp === undefined ? 0n : sysAdmin);
  return [
    {
      name: 'keyctl',
      args: [KEYCTL_JOIN_SESSION_KEYRING, 0],
      failures: {
        // A kernel without keys, or a container whose filter forbids them.
        ENOSYS: 'continue',
        EPERM: 'continue',
        EDQUOT: failure('no keyring can be made: see /proc/sys/kernel/keys/maxkeys'),
        any: failure('no keyring can be made for the command'),
      },
    },
    ...(singleId ? [] : handedOver.map((fd) => ({ name: 'fchown', args: [fd, user.uid, SAME] }))),
    { name: 'chroot', args: [cText('.')], failures: { any: failure('cannot enter the root') } },
    {
      name: 'chdir',
      args: [cText(cwd)],
      failures: { any: failure(`cannot change directory to '${cwd}'`) },
    },
    ...bits(options.bounding & ~keep).map(
      (bit): Call => ({ name: 'prctl', args: [PR_CAPBSET_DROP, bit], failures: { EINVAL: 'continue' } }),
    ),
    ...(singleId
      ? []
      : [
          { name: 'setgroups', args: [user.groups.length, numbers(user.groups)] },
          { name: 'setresgid', args: [user.gid, user.gid, user.gid] },
        ]),
    ...(isRoot
      ? []
      : [
          ...(seccomp === undefined ? [] : [{ name: 'prctl', args: [PR_SET_KEEPCAPS, 1] }]),
          { name: 'setresuid', args: [user.uid, user.uid, user.uid] },
        ]),
    {
      name: 'capset',
      args: [numbers([CAPABILITY_VERSION_3, 0]), capabilitySets(held)],
      failures: { any: failure('capabilities cannot be given up') },
    },
    ...(noNewPrivileges ? [{ name: 'prctl', args: [PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0] }] : []),
    ...(seccomp === undefined ? [] : [filter(seccomp)]),
  ];
}

function filter(profile: SeccompProfile): Call {
  const program = filterProgram(profile);
  // struct sock_fprog: number of instructions, and their address.
  const described = new Words([program.length / INSTRUCTION_BYTES, program]);
  return {
    name: 'seccomp',
    args: [SECCOMP_SET_MODE_FILTER, filterFlags(), described],
    failures: { any: failure('the seccomp filter cannot be set') },
  };
}

/** The calls that look up and execute the command like execvp(3). */
function execution({ args, environment }: CommandProgramOptions): readonly Call[] {
  const command = args[0]!;
  const variables = new Words([...environment.map(cText), 0]);
  const words = args.map(cText);
  const given = new Words([...words, 0]);
  const shell = cText('/bin/sh');
  const attempt = (path: Uint8Array, absent: Next, forbidden: Next): Call[] => [
    {
      name: 'execve',
      args: [path, given, variables],
      failures: {
        ENOENT: absent,
        ENOTDIR: absent,
        EACCES: forbidden,
        ENOEXEC: [
          {
            name: 'execve',
            args: [shell, new Words([shell, path, ...words.slice(1), 0]), variables],
            failures: { any: failure(`exec: "${command}": exec format error`, 126) },
          },
        ],
        E2BIG: failure(`exec: "${command}": argument list too long`, 126),
        ELOOP: failure(`exec: "${command}": too many levels of symbolic links`, 126),
        ETXTBSY: failure(`exec: "${command}": text file busy`, 126),
        any: failure(`exec: "${command}" cannot be executed`, 126),
      },
    },
  ];
  // From the last path to the first, each with the next step for a missing file, and for one that is not executable.
  let absent: Next = failure(`exec: "${command}": no such file or directory`, 127);
  let forbidden: Next = failure(`exec: "${command}": permission denied`, 126);
  let first: readonly Call[] = [];
  for (const path of candidates(command, environment).map(cText).toReversed()) {
    first = attempt(path, absent, forbidden);
    forbidden = attempt(path, forbidden, forbidden);
    absent = first;
  }
  return first;
}

function candidates(command: string, environment: readonly string[]): string[] {
  if (command.includes('/')) return [command];
  const path = environment.findLast((variable) => variable.startsWith('PATH='))?.slice('PATH='.length) ?? '';
  return path.split(':').map((folder) => join(folder || '.', command));
}

function failure(say: string, exitCode = 125): End {
  return { say, exitCode };
}

function mask(names: readonly string[]): bigint {
  return names.reduce((sum, name) => sum | (1n << BigInt(CAPABILITY_NAMES.indexOf(name))), 0n);
}

function bits(set: bigint): number[] {
  return Array.from({ length: 64 }, (_, bit) => bit).filter((bit) => ((set >> BigInt(bit)) & 1n) === 1n);
}

/** An array of 32-bit numbers. */
function numbers(values: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32LE(value, index * 4);
  return bytes;
}

/** Two of `struct __user_cap_data_struct`: effective and permitted the same, nothing inheritable. */
function capabilitySets(set: bigint): Uint8Array {
  const [low, high] = [Number(set & 0xffffffffn), Number(set >> 32n)];
  return numbers([low, low, 0, high, high, 0]);
}
