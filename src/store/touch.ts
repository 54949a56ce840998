import { utimesSync } from 'node:fs';

/**
 * Notes in a file's time that it is used now. What is gone, or belongs to somebody else, cannot be noted, and that is
 * no reason to fail: the time only says what to prune first.
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
