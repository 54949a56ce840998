/**
 * System calls that Node lacks, through koffi: the only file that loads native code. Every function throws a
 * `SystemCallError`, shaped like Node's own file errors (`code: 'ENOENT'` …).
 */

import { constants as fileFlags, lutimesSync } from 'node:fs';
import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';
import { canFilter, filterFlags } from '../launch/filter-program.ts';
import { syscallNumbers } from '../launch/syscall-numbers.ts';
import { bytesOfName, nameOfBytes } from '../layer/names.ts';

/** Other systems lack these calls, or take other arguments. */
const isLinux = process.platform === 'linux';

function needLinux(syscall: string, path: string): void {
  if (!isLinux) throw new SystemCallError(constants.errno.ENOTSUP, syscall, path);
}

/** A failed system call. */
class SystemCallError extends Error {
  override readonly name = 'SystemCallError';
  /** `ENOENT`, `EPERM` … */
  readonly code: string;

  constructor(
    readonly errno: number,
    readonly syscall: string,
    readonly path?: string,
  ) {
    const code = getSystemErrorName(-errno);
    super(`${code}: ${syscall}${path === undefined ? '' : ` '${path}'`}`);
    this.code = code;
  }
}

export const MS = {
  RDONLY: 1,
  NOSUID: 2,
  NODEV: 4,
  NOEXEC: 8,
  REMOUNT: 32,
  NOATIME: 1024,
  NODIRATIME: 2048,
  BIND: 4096,
  MOVE: 8192,
  REC: 16384,
  PRIVATE: 1 << 18,
  SLAVE: 1 << 19,
  RELATIME: 1 << 21,
} as const;

const MNT_DETACH = 2;

/** File types in a mode, for `mknod`. */
export const S_IF = { FIFO: 0o010000, CHAR: 0o020000, BLOCK: 0o060000 } as const;

const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const LOCK = { shared: 1, exclusive: 2, unlock: 8 } as const;
const LOCK_NB = 4;
const PR_SET_PDEATHSIG = 1;

type Call = (...args: (number | bigint | string | Uint8Array | null)[]) => number;

const library = koffi.load(null);
const loaded = new Map<string, Call>();

/** The C function of that declaration, loaded at its first use. */
function call(declaration: string): Call {
  let found = loaded.get(declaration);
  if (found === undefined) {
    found = library.func(declaration) as Call;
    loaded.set(declaration, found);
  }
  return found;
}

/** Throws unless the call's result is 0 or more, and returns it. */
function check(result: number, syscall: string, path?: string): number {
  if (result >= 0) return result;
  throw new SystemCallError(koffi.errno(), syscall, path);
}

/** A path or a name as a C string. */
function cString(text: string): Uint8Array {
  return Buffer.concat([bytesOfName(text), Buffer.of(0)]);
}

/** `source`, `type` and `data` may be empty where the kind of mount has none. */
export function mount(source: string, target: string, type: string, flags: number, data = ''): void {
  const mountCall = call(
    'int mount(const uint8_t *source, const uint8_t *target, const char *type, unsigned long flags, const uint8_t *data)',
  );
  check(
    mountCall(cString(source), cString(target), type, flags, data === '' ? null : cString(data)),
    'mount',
    target,
  );
}

export function unmount(target: string, flags: number = MNT_DETACH): void {
  check(call('int umount2(const uint8_t *target, int flags)')(cString(target), flags), 'umount2', target);
}

/** Numbers of system calls that C libraries have no function for: the same on all platforms. */
const SYS_MOUNT_SETATTR = 442;
const AT_RECURSIVE = 0x8000;

/**
 * Adds flags to a mount and to everything that is mounted below it.
 *
 * @param flags of `MS`: RDONLY, NOSUID, NODEV, NOEXEC, which have the same values as `MOUNT_ATTR_…`
 * @throws SystemCallError `ENOSYS` before Linux 5.12
 */
export function setMountFlags(path: string, flags: number): void {
  // struct mount_attr: attr_set, attr_clr, propagation, userns_fd.
  const attributes = Buffer.alloc(32);
  attributes.writeBigUInt64LE(BigInt(flags), 0);
  const set = call(
    'long syscall(long number, long fd, const uint8_t *path, unsigned long flags, const uint8_t *attributes, size_t size)',
  );
  check(
    set(SYS_MOUNT_SETATTR, AT_FDCWD, cString(path), AT_RECURSIVE, attributes, attributes.length),
    'mount_setattr',
    path,
  );
}

/** @param mode one of `S_IF` and permission bits; the umask applies */
export function mknod(path: string, mode: number, major = 0, minor = 0): void {
  needLinux('mknod', path);
  const device =
    (BigInt(major & 0xfff) << 8n) |
    BigInt(minor & 0xff) |
    (BigInt(minor >>> 8) << 20n) |
    (BigInt(major >>> 12) << 44n);
  check(makeNode(cString(path), mode, device), 'mknod', path);
}

function makeNode(path: Uint8Array, mode: number, device: bigint): number {
  let make: Call;
  try {
    make = call('int mknod(const uint8_t *path, unsigned int mode, uint64_t dev)');
  } catch {
    // glibc exports mknod since 2.33; older versions only have __xmknod, which its header called.
    const pointer = Buffer.alloc(8);
    pointer.writeBigUInt64LE(device);
    const old = call('int __xmknod(int version, const uint8_t *path, unsigned int mode, const uint8_t *dev)');
    return old(0, path, mode, pointer);
  }
  return make(path, mode, device);
}

/** Sets an extended attribute of the path itself (a symlink is not followed). */
export function setXattr(path: string, name: string, value: Uint8Array): void {
  needLinux('lsetxattr', path);
  const set = call(
    'int lsetxattr(const uint8_t *path, const uint8_t *name, const uint8_t *value, size_t size, int flags)',
  );
  // The pointer of an empty buffer may be null, which the kernel takes for "no value".
  const bytes = value.length === 0 ? Buffer.alloc(1) : value;
  check(set(cString(path), cString(name), bytes, value.length, 0), 'lsetxattr', path);
}

/** The value of an extended attribute; undefined if the path has none of that name. */
export function getXattr(path: string, name: string): Buffer | undefined {
  const get = call(
    'intptr_t lgetxattr(const uint8_t *path, const uint8_t *name, _Out_ uint8_t *value, size_t size)',
  );
  const file = cString(path);
  const attribute = cString(name);
  let value = Buffer.alloc(256);
  for (;;) {
    const size = get(file, attribute, value, value.length);
    if (size >= 0) return value.subarray(0, size);
    const errno = koffi.errno();
    if (errno === constants.errno.ENODATA || errno === constants.errno.EOPNOTSUPP) return undefined;
    if (errno !== constants.errno.ERANGE || value.length > 65536) {
      throw new SystemCallError(errno, 'lgetxattr', path);
    }
    value = Buffer.alloc(65537);
  }
}

const names = Buffer.alloc(65536);

/** Names of a path's extended attributes, as far as this process may see them. */
export function listXattrs(path: string): string[] {
  if (!isLinux) return [];
  const size = call('intptr_t llistxattr(const uint8_t *path, _Out_ uint8_t *list, size_t size)')(
    cString(path),
    names,
    names.length,
  );
  if (size === 0) return [];
  if (size < 0) {
    if (koffi.errno() === constants.errno.EOPNOTSUPP) return [];
    throw new SystemCallError(koffi.errno(), 'llistxattr', path);
  }
  return nameOfBytes(Buffer.from(names.subarray(0, size - 1))).split('\0');
}

const times = Buffer.alloc(32);

/** Sets access and modification time of the path itself, to the nanosecond. */
export function setTimes(path: string, seconds: number, nanoseconds = 0): void {
  if (!isLinux) {
    lutimesSync(path, seconds, seconds);
    return;
  }
  for (const at of [0, 16]) {
    times.writeBigInt64LE(BigInt(seconds), at);
    times.writeBigInt64LE(BigInt(nanoseconds), at + 8);
  }
  check(
    call('int utimensat(int dirfd, const uint8_t *path, const uint8_t *times, int flags)')(
      AT_FDCWD,
      cString(path),
      times,
      AT_SYMLINK_NOFOLLOW,
    ),
    'utimensat',
    path,
  );
}

/** Takes or releases a flock(2) lock on an open file without waiting; false if another process holds it. */
export function tryLock(fd: number, kind: keyof typeof LOCK): boolean {
  const result = call('int flock(int fd, int operation)')(fd, LOCK[kind] | LOCK_NB);
  if (result < 0 && koffi.errno() === constants.errno.EWOULDBLOCK) return false;
  check(result, 'flock');
  return true;
}

/** Makes the kernel send this process a signal when the thread that started it ends. */
export function dieWithParent(signal: number = constants.signals.SIGKILL): void {
  check(
    call('int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)')(
      PR_SET_PDEATHSIG,
      signal,
      0,
      0,
      0,
    ),
    'prctl',
  );
}

/** Sets the host name. Only for processes with a UTS namespace of their own. */
export function setHostname(name: string): void {
  const bytes = Buffer.from(name);
  check(call('int sethostname(const uint8_t *name, size_t length)')(bytes, bytes.length), 'sethostname');
}

const O_CLOEXEC = 0o2000000;
const F_SETFD = 2;
const FD_CLOEXEC = 1;

/** Makes a pipe. Node's are sockets, and a program cannot open /dev/stdout when that is a socket. */
export function pipe(): { read: number; write: number } {
  const ends = Buffer.alloc(8);
  check(call('int pipe2(_Out_ uint8_t *ends, int flags)')(ends, O_CLOEXEC), 'pipe2');
  return { read: ends.readInt32LE(0), write: ends.readInt32LE(4) };
}

/**
 * Sets or clears close-on-exec of a file descriptor. Does nothing if it is closed.
 */
export function closeOnExec(fd: number, close = true): void {
  const result = call('int fcntl(int fd, int command, int argument)')(fd, F_SETFD, close ? FD_CLOEXEC : 0);
  if (result < 0 && koffi.errno() !== constants.errno.EBADF) check(result, 'fcntl');
}

const PR_CAPBSET_READ = 23;
const PR_CAPBSET_DROP = 24;

/** Drops all but these capabilities (by number) from the bounding set: effective from the next execve on. */
export function keepCapabilities(kept: readonly number[]): void {
  for (let capability = 0; control(PR_CAPBSET_READ, capability) >= 0; capability++) {
    if (kept.includes(capability) || control(PR_CAPBSET_READ, capability) === 0) continue;
    check(control(PR_CAPBSET_DROP, capability), 'prctl');
  }
}

function control(option: number, argument: number): number {
  const prctl = call(
    'int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)',
  );
  return prctl(option, argument, 0, 0, 0);
}

/** Clears the inheritable capability set. */
export function dropInheritable(): void {
  // struct __user_cap_header_struct of version 3, this thread; then two of __user_cap_data_struct.
  const header = Buffer.alloc(8);
  header.writeUInt32LE(0x20080522, 0);
  const data = Buffer.alloc(24);
  check(call('int capget(uint8_t *header, _Out_ uint8_t *data)')(header, data), 'capget');
  for (const at of [8, 20]) data.writeUInt32LE(0, at);
  check(call('int capset(uint8_t *header, const uint8_t *data)')(header, data), 'capset');
}

const PR_SET_NO_NEW_PRIVS = 38;
const PR_SET_CHILD_SUBREAPER = 36;

/** Sets no_new_privs: execve cannot grant more privileges, for instance by setuid. */
export function refuseNewPrivileges(): void {
  check(control(PR_SET_NO_NEW_PRIVS, 1), 'prctl');
}

/** Makes this process a child subreaper: orphaned descendants become its children. */
export function adoptOrphans(): void {
  check(control(PR_SET_CHILD_SUBREAPER, 1), 'prctl');
}

const WNOHANG = 1;

/** Reaps an ended child that Node did not start. @returns whether there was one */
export function bury(pid: number): boolean {
  return call('int waitpid(int pid, int *status, int options)')(pid, null, WNOHANG) > 0;
}

/** Names of RLIMIT_…, in the order of their numbers on most platforms. */
const RESOURCES =
  'cpu fsize data stack core rss nproc nofile memlock as locks sigpending msgqueue nice rtprio rttime'.split(
    ' ',
  );

/** Sets a resource limit of this process. @param name of `RLIMIT_…`, in lower case; -1 means unlimited */
export function limitResource(name: string, soft: number, hard: number): void {
  const limit = Buffer.alloc(16);
  for (const [at, value] of [soft, hard].entries()) limit.writeBigInt64LE(BigInt(value), at * 8);
  const set = call('int setrlimit(int resource, const uint8_t *limit)');
  check(set(RESOURCES.indexOf(name), limit), 'setrlimit', name);
}

const RENAME_EXCHANGE = 2;

/** Exchanges two paths of one file system atomically. */
export function exchange(a: string, b: string): void {
  const rename = call(
    'int renameat2(int fd, const uint8_t *path, int otherFd, const uint8_t *otherPath, unsigned int flags)',
  );
  check(rename(AT_FDCWD, cString(a), AT_FDCWD, cString(b), RENAME_EXCHANGE), 'renameat2', a);
}

/** chroot(2): the working directory stays as it is. */
export function changeRoot(path: string): void {
  check(call('int chroot(const uint8_t *path)')(cString(path)), 'chroot', path);
}

/** Sets the real, effective and saved user id. */
export function setUser(uid: number): void {
  check(
    call('int setresuid(unsigned int real, unsigned int effective, unsigned int saved)')(uid, uid, uid),
    'setresuid',
  );
}

const SIG_DFL = 0;

/** Restores the default action of signals that Node ignores: programs after execve inherit ignored signals. */
export function obeySignals(): void {
  for (const signal of [constants.signals.SIGPIPE, constants.signals.SIGXFSZ]) {
    call('intptr_t signal(int number, intptr_t handler)')(signal, SIG_DFL);
  }
}

/** Requests of ioctl(2) for terminals, as asm-generic/ioctls.h numbers them. */
const TIOC = {
  SCTTY: 0x540e,
  SWINSZ: 0x5414,
  GPTPEER: 0x5441,
  GPTN: 0x80045430,
  SPTLCK: 0x40045431,
} as const;

function terminalRequest(fd: number, request: number, argument: Uint8Array): void {
  check(call('int ioctl(int fd, unsigned long request, uint8_t *argument)')(fd, request, argument), 'ioctl');
}

function terminalRequestNumber(fd: number, request: number, argument: number): number {
  return check(
    call('int ioctl(int fd, unsigned long request, unsigned long argument)')(fd, request, argument),
    'ioctl',
  );
}

/** Unlocks the peer side of a new pseudo-terminal. @param fd open file of /dev/ptmx */
export function unlockTerminal(fd: number): void {
  terminalRequest(fd, TIOC.SPTLCK, Buffer.alloc(4));
}

/** The number of a pseudo-terminal: its peer side is /dev/pts/N. @param fd open file of /dev/ptmx */
export function terminalNumber(fd: number): number {
  const number = Buffer.alloc(4);
  terminalRequest(fd, TIOC.GPTN, number);
  return number.readUInt32LE();
}

/** Opens the peer side of a pseudo-terminal. @param fd open file of /dev/ptmx */
export function openTerminalPeer(fd: number): number {
  const { O_RDWR, O_NOCTTY } = fileFlags;
  return terminalRequestNumber(fd, TIOC.GPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

/** Sets a terminal's size in characters; its foreground processes get SIGWINCH. */
export function setTerminalSize(fd: number, { rows, columns }: { rows: number; columns: number }): void {
  const size = Buffer.alloc(8);
  size.writeUInt16LE(rows, 0);
  size.writeUInt16LE(columns, 2);
  terminalRequest(fd, TIOC.SWINSZ, size);
}

/** Starts a new session with a controlling terminal. @param fd the terminal */
export function leadSession(fd: number): void {
  check(call('int setsid()')(), 'setsid');
  terminalRequestNumber(fd, TIOC.SCTTY, 0);
}

/** The same number on all architectures that Node supports. */
const SYS_OPENAT2 = 437;
const RESOLVE = { NO_MAGICLINKS: 2, IN_ROOT: 16 } as const;

/**
 * openat2(2) with RESOLVE_IN_ROOT: neither symlinks nor `..` lead out of the directory, even while another process
 * changes it. Needs Linux 5.6.
 *
 * @param directory file descriptor
 */
export function openInside(directory: number, path: string, flags: number): number {
  const how = Buffer.alloc(24);
  how.writeBigUInt64LE(BigInt(flags | O_CLOEXEC), 0);
  how.writeBigUInt64LE(BigInt(RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS), 16);
  const open = call(
    'long syscall(long number, int directory, const uint8_t *path, const uint8_t *how, size_t size)',
  );
  return check(open(SYS_OPENAT2, directory, cString(path), how, how.length), 'openat2', path);
}

const KEYCTL_JOIN_SESSION_KEYRING = 1;
const SECCOMP_SET_MODE_FILTER = 1;
const BPF_INSTRUCTION_BYTES = 8;

function systemCall(name: string, ...args: [number, number, Uint8Array | number]): number {
  const native = process.arch === 'x64' ? 'SCMP_ARCH_X86_64' : 'SCMP_ARCH_AARCH64';
  const number = syscallNumbers(native).get(name)!;
  const declaration = typeof args[2] === 'number' ? 'long c' : 'const uint8_t *c';
  return call(`long syscall(long number, long a, long b, ${declaration})`)(number, ...args);
}

/** Joins a new session keyring; does nothing where the kernel has none or forbids it. */
export function joinNewKeyring(): void {
  if (!canFilter()) return;
  const { ENOSYS, EPERM } = constants.errno;
  const result = systemCall('keyctl', KEYCTL_JOIN_SESSION_KEYRING, 0, 0);
  if (result < 0 && koffi.errno() !== ENOSYS && koffi.errno() !== EPERM) check(result, 'keyctl');
}

/**
 * Sets a seccomp filter for this thread and for programs after execve.
 *
 * @param program BPF, see `filterProgram`
 * @param ifAllowed does nothing if this process may not set a filter (EACCES)
 */
export function setFilter(program: Buffer, ifAllowed = false): void {
  const filter = Buffer.alloc(16);
  filter.writeUInt16LE(program.length / BPF_INSTRUCTION_BYTES, 0);
  filter.writeBigUInt64LE(koffi.address(program), 8);
  const result = systemCall('seccomp', SECCOMP_SET_MODE_FILTER, filterFlags(), filter);
  if (result < 0 && ifAllowed && koffi.errno() === constants.errno.EACCES) return;
  check(result, 'seccomp');
}

/** execve(2). @param env `K=V` strings */
export function execute(path: string, args: readonly string[], env: readonly string[]): never {
  const exec = library.func('int execve(const uint8_t *path, const char **args, const char **env)') as (
    path: Uint8Array,
    args: (string | null)[],
    env: (string | null)[],
  ) => number;
  exec(cString(path), [...args, null], [...env, null]);
  throw new SystemCallError(koffi.errno(), 'execve', path);
}
