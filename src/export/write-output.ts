import { createWriteStream, rmSync, statSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { JettisonError } from '../errors/error.ts';
import { writing } from '../errors/system.ts';
import type { Destination } from './output.ts';

/**
 * Writes bytes to a destination. A regular file appears when it is complete; a pipe or a device is written directly,
 * and a stream is not ended.
 *
 * @throws JettisonError `OUTPUT_INVALID`
 */
export async function writeOutput(
  to: Destination,
  content: AsyncIterable<Buffer> | Iterable<Buffer>,
  signal: AbortSignal,
): Promise<void> {
  if ('stream' in to) await copy(content, to.stream, signal, false);
  else await writeFile(to.path, content, signal);
}

async function writeFile(
  path: string,
  content: AsyncIterable<Buffer> | Iterable<Buffer>,
  signal: AbortSignal,
): Promise<void> {
  const present = statSync(path, { throwIfNoEntry: false });
  if (present?.isDirectory()) {
    throw new JettisonError('OUTPUT_INVALID', `${path} is a directory`, { hint: 'Name a file in it.' });
  }
  if (present !== undefined && !present.isFile()) {
    await copy(content, createWriteStream(path), signal, true);
    return;
  }
  const partial = `${path}.${process.pid}.partial`;
  try {
    await writing(path, () => copy(content, createWriteStream(partial), signal, true));
    await rename(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    const { code, path: failed } = error as NodeJS.ErrnoException;
    if (failed !== partial || code === undefined) throw error;
    const reason = code === 'ENOENT' ? 'its folder does not exist' : (error as Error).message;
    throw new JettisonError('OUTPUT_INVALID', `${path} cannot be written: ${reason}`, {
      hint: code === 'ENOENT' ? 'Create the folder first.' : 'Choose another path.',
    });
  }
}

async function copy(
  content: AsyncIterable<Buffer> | Iterable<Buffer>,
  to: Writable,
  signal: AbortSignal,
  end: boolean,
): Promise<void> {
  await pipeline(Readable.from(content, { objectMode: false, highWaterMark: 1 << 20 }), to, { signal, end });
}
