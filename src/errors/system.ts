import { JettisonError } from './error.ts';

interface Meaning {
  code: string;
  says: string;
  hint: string;
}

const NO_SPACE: Meaning = {
  code: 'DISK_FULL',
  says: 'no space left on the disk',
  hint: 'Free some space (`jettison prune` and `jettison builder prune` drop what is no longer needed), then build again: the store is intact.',
};
const NO_PERMISSION: Meaning = {
  code: 'NO_PERMISSION',
  says: 'permission denied',
  hint: 'Check who owns the path and its modes; JETTISON_HOME moves the store to a place that you may write to.',
};
const TOO_MANY_FILES: Meaning = {
  code: 'TOO_MANY_OPEN_FILES',
  says: 'too many open files',
  hint: 'Raise the limit with `ulimit -n 4096`.',
};

const meanings: Record<string, Meaning> = {
  ENOSPC: NO_SPACE,
  EDQUOT: { ...NO_SPACE, says: 'the disk quota is used up' },
  EACCES: NO_PERMISSION,
  EPERM: NO_PERMISSION,
  EROFS: { ...NO_PERMISSION, says: 'the file system is read-only' },
  EMFILE: TOO_MANY_FILES,
  ENFILE: TOO_MANY_FILES,
  EIO: {
    code: 'DISK_FAULT',
    says: 'the disk or file system reports a fault',
    hint: 'Look at the kernel log (`dmesg`).',
  },
};

/**
 * The error that a failed system call is for the user when the machine is at fault (disk full, no
 * permission …). Undefined for everything else: Jettison has to expect those, so they are bugs.
 */
export function fromSystemError(error: unknown): JettisonError | undefined {
  if (!(error instanceof Error) || error instanceof JettisonError) return undefined;
  const { code, syscall, path } = error as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) return undefined;
  const meaning = meanings[code];
  if (meaning === undefined) return undefined;
  const where = path === undefined ? syscall : `${syscall} ${path}`;
  return new JettisonError(meaning.code, `${meaning.says} (${where})`, {
    hint: meaning.hint,
    cause: error,
    details: { errno: code },
  });
}
