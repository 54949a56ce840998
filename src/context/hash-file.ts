import { createHash, hash as hashOnce } from 'node:crypto';
import { closeSync, createReadStream, readSync } from 'node:fs';
import { JettisonError } from '../errors/error.ts';
import { openHostFile, saysChanged } from '../layer/host-file.ts';

/** Files up to this many bytes are read in one call. */
const SMALL = 1 << 18;
const buffer = Buffer.allocUnsafe(SMALL + 1);

/**
 * The sha256 of a file's content as 64 hex digits.
 *
 * @param host absolute path; a symlink on the way or at its end is refused
 * @param size bytes that the file is known to have
 * @param name what to call it in messages
 * @param signal ends the reading of a large file
 * @throws JettisonError `CONTEXT_CHANGED` when the file has gone or has another size, `CONTEXT_UNREADABLE`
 */
export async function hashContextFile(
  host: string,
  size: number,
  name: string,
  signal?: AbortSignal,
): Promise<string> {
  let fd: number | undefined;
  try {
    fd = openHostFile(host);
    if (size <= SMALL) {
      const read = readSync(fd, buffer, 0, size + 1, 0);
      if (read !== size) throw contextChanged(name);
      return hashOnce('sha256', buffer.subarray(0, read), 'hex');
    }
    const sum = createHash('sha256');
    let total = 0;
    const owned = fd;
    fd = undefined;
    for await (const chunk of createReadStream('', { fd: owned, highWaterMark: 1 << 20 })) {
      signal?.throwIfAborted();
      sum.update(chunk as Buffer);
      total += (chunk as Buffer).length;
    }
    if (total !== size) throw contextChanged(name);
    return sum.digest('hex');
  } catch (error) {
    if (saysChanged(error)) throw contextChanged(name);
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EACCES' && code !== 'EPERM') throw error;
    throw new JettisonError(
      'CONTEXT_UNREADABLE',
      `cannot read "${name}" in the build context: permission denied`,
      {
        hint: 'Make it readable, or exclude it in .dockerignore.',
        cause: error,
      },
    );
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

export function contextChanged(name: string): JettisonError {
  return new JettisonError('CONTEXT_CHANGED', `"${name}" changed while the build read it`, {
    hint: 'Build again when nothing writes to the context any more.',
  });
}
