import { utimesSync } from 'node:fs';

/**
 * Sets a file's time to now, as that of its last use. A file that is missing or cannot be changed is ignored: the time
 * only orders pruning.
 */
export function touch(path: string): void {
  const now = new Date();
  try {
    utimesSync(path, now, now);
  } catch (error) {
    if (!PASSED_OVER.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

const PASSED_OVER = new Set(['ENOENT', 'EACCES', 'EPERM', 'EROFS']);
