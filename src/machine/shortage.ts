/** Signs of a temporary shortage in the English messages of programs, the shell and the loader. */
const SIGNS: [pattern: RegExp, shortage: string][] = [
  [/too many open files in system|ENFILE/i, 'the machine has too many open files'],
  [/too many open files|EMFILE|\bno file descriptors/i, 'too many open files (see `ulimit -n`)'],
  [
    /cannot allocate memory|out of memory|ENOMEM|failed to map segment|cannot map zero-fill|bad_alloc/i,
    'too little memory (see `ulimit -v`, and the memory of the control group)',
  ],
  [
    /resource temporarily unavailable|cannot fork|EAGAIN|pthread_create/i,
    'too many processes (see `ulimit -u`, and the control group)',
  ],
  [/no space left on device|ENOSPC|EDQUOT|quota exceeded/i, 'a full disk, or too many namespaces at a time'],
  [/file size limit|EFBIG/i, 'a limit of file sizes (see `ulimit -f`)'],
  [/device or resource busy|EBUSY|interrupted system call|EINTR/i, 'something that is busy'],
  [/input\/output error|EIO\b/i, 'an error of the disk'],
];

/** Permanent failures: not permitted, not supported, or not installed. */
const DEFINITE =
  /operation not permitted|permission denied|not implemented|invalid argument|no such (file|device)|unknown filesystem|wrong fs type|not supported|not found|read-only file system|\b(EPERM|EACCES|ENOSYS|EINVAL|ENOENT|ENODEV|EROFS|EOPNOTSUPP|ENOTSUP)\b/i;

/** The temporary shortage that an error message means; undefined for other messages. */
export function shortageIn(complaint: string): string | undefined {
  return SIGNS.find(([pattern]) => pattern.test(complaint))?.[1];
}

/** The failure of a program that probed something. */
export interface Trial {
  /** The end of its output. */
  complaint: string;
  /** Why it could not be started, or was killed: an error's code, or a signal. */
  cause?: string | undefined;
}

/**
 * Why another attempt may succeed, in words; undefined for a permanent failure. Only permanent failures may be
 * remembered.
 */
export function passingReason({ complaint, cause }: Trial): string | undefined {
  const shortage = shortageIn(`${cause ?? ''} ${complaint}`);
  if (shortage !== undefined) return shortage;
  if (cause !== undefined && !DEFINITE.test(cause)) return `it did not end by itself (${cause})`;
  return complaint === '' || DEFINITE.test(`${cause ?? ''} ${complaint}`)
    ? undefined
    : 'this may be different next time';
}
