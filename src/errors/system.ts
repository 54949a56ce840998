import { JettisonError } from './error.ts';

/** What failed calls of Node have besides the message. */
interface SystemError extends NodeJS.ErrnoException {
  /** Of calls with two paths: the second. */
  dest?: string;
}

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

/** Runs something that writes to one file, and sees to it that an error of an open file says which. */
export async function writing<T>(path: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (error instanceof Error && (error as NodeJS.ErrnoException).code === 'ENOSPC') {
      (error as NodeJS.ErrnoException).path ??= path;
    }
    throw error;
  }
}

/**
 * The error that a failed system call is for the user when the machine is at fault (disk full, no
 * permission …). Undefined for everything else: Jettison has to expect those, so they are bugs.
 *
 * @param store the store's folder: what is written without a name is written there
 */
export function fromSystemError(error: unknown, store?: string): JettisonError | undefined {
  if (!(error instanceof Error) || error instanceof JettisonError) return undefined;
  const { code, syscall, path, dest } = error as SystemError;
  if (code === undefined || syscall === undefined) return undefined;
  const meaning = meanings[code];
  if (meaning === undefined) return undefined;
  const file = dest ?? path;
  const isStores = store !== undefined && (file === undefined || file.startsWith(`${store}/`));
  const where =
    meaning.code === NO_SPACE.code && isStores
      ? `of the store, ${store}`
      : `(${file === undefined ? syscall : `${syscall} ${file}`})`;
  return new JettisonError(meaning.code, `${meaning.says} ${where}`, {
    hint: meaning.hint,
    cause: error,
    details: { errno: code },
  });
}
