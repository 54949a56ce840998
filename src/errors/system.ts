import { JettisonError } from './error.ts';

/** Fields of Node's system errors. */
interface SystemError extends NodeJS.ErrnoException {
  /** The second path, of calls with two paths. */
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
  hint: 'Check the owner and mode of the path; JETTISON_HOME moves the store to a writable place.',
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
    says: 'input/output error of the disk or file system',
    hint: 'See the kernel log (`dmesg`).',
  },
};

/** Runs a function that writes to one file, and adds the path to errors of the open file. */
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
 * The user's error for a failed system call that is the machine's fault (disk full, no permission …). Undefined for all
 * other errors, which are bugs.
 *
 * @param store the store's folder, for errors without a path
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
