import {
  chmodSync,
  closeSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { JettisonError } from '../errors/error.ts';
import { bytesOfName, diskPath } from '../layer/names.ts';
import type { TarHeader } from '../layer/tar-read.ts';
import { tarMembers } from './tar-members.ts';

/**
 * Writes the members of a tar of our own into a folder, which is created if missing. All files belong to this user;
 * setuid bits and attributes are dropped. Other files of the folder stay. Nothing is written through a symbolic link
 * in it.
 *
 * @returns the number of device files and pipes that were left out
 * @throws JettisonError `OUTPUT_INVALID` when the folder cannot be written
 */
export async function extractTar(
  tar: AsyncIterable<Buffer>,
  folder: string,
  signal: AbortSignal,
): Promise<{ leftOut: number }> {
  const directories: { path: string | Buffer; header: TarHeader }[] = [];
  /** Names of devices and pipes, which hard links may refer to. */
  const notWritten = new Set<string>();
  let leftOut = 0;
  let unreadable: unknown;
  async function* read(): AsyncGenerator<Buffer> {
    try {
      yield* tar;
    } catch (error) {
      unreadable = error;
      throw error;
    }
  }
  try {
    mkdirSync(folder, { recursive: true });
    for await (const { header, content } of tarMembers(read())) {
      signal.throwIfAborted();
      const name = header.name.replace(/\/$/, '');
      // Mode and time of the folder itself are the user's.
      if (name === '.') continue;
      const path = diskPath(`${folder}/${name}`);
      if (header.type === 'directory') {
        makeDirectory(path);
        directories.push({ path, header });
        continue;
      }
      const isFurtherName = header.type === 'hardlink' && notWritten.has(header.link!);
      if (isFurtherName || header.type === 'char' || header.type === 'block' || header.type === 'fifo') {
        notWritten.add(name);
        leftOut++;
        continue;
      }
      rmSync(path, { recursive: true, force: true });
      if (header.type === 'hardlink') linkSync(diskPath(`${folder}/${header.link!}`), path);
      else if (header.type === 'symlink') symlinkSync(bytesOfName(header.link!), path);
      else await writeFile(path, header, content);
      if (header.type === 'symlink') lutimesSync(path, header.mtime, header.mtime);
    }
    // Last, innermost first: writing files changes a directory's time, and its mode may forbid writing.
    for (const { path, header } of directories.reverse()) {
      chmodSync(path, header.mode & 0o1777);
      utimesSync(path, header.mtime, header.mtime);
    }
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (error === unreadable || code === undefined || syscall === undefined) throw error;
    throw new JettisonError('OUTPUT_INVALID', `${folder} cannot be written: ${(error as Error).message}`, {
      hint: 'Choose another folder, or make room in it.',
      cause: error,
    });
  }
  return { leftOut };
}

/** Makes a directory that is writable until its final mode is set. */
function makeDirectory(path: string | Buffer): void {
  const present = lstatSync(path, { throwIfNoEntry: false });
  if (present?.isDirectory()) {
    chmodSync(path, present.mode | 0o700);
    return;
  }
  if (present !== undefined) rmSync(path, { force: true });
  mkdirSync(path, { mode: 0o700 });
}

async function writeFile(
  path: string | Buffer,
  { mode, mtime }: TarHeader,
  content: AsyncIterable<Buffer>,
): Promise<void> {
  const fd = openSync(path, 'wx', 0o600);
  try {
    for await (const chunk of content) {
      for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at);
    }
  } finally {
    closeSync(fd);
  }
  chmodSync(path, mode & 0o777);
  utimesSync(path, mtime, mtime);
}
