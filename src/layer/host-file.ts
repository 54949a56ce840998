import {
  closeSync,
  constants,
  createReadStream,
  fstatSync,
  openSync,
  type ReadStream,
  readlinkSync,
  readSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { join, sep } from 'node:path';
import { diskPath, nameOfBytes } from './names.ts';

const FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** How opening fails when a path has vanished, or is something else than it was when it was looked at. */
const CHANGED = new Set(['ENOENT', 'ELOOP', 'ENOTDIR', 'EISDIR', 'EINVAL', 'ENXIO']);

/** Whether an error of this module, or of `readlink`, says that something else, or nothing, is at a path. */
export function saysChanged(error: unknown): boolean {
  return CHANGED.has((error as NodeJS.ErrnoException).code ?? '');
}

/**
 * Opens a file of the machine by its real path. Files are looked at first and read later; when by then a directory on
 * the way has become a symbolic link, what is behind it is another file, perhaps a private one.
 *
 * @param path absolute, without symlinks
 * @throws an error with the code `ELOOP` when it leads through a symlink, `EINVAL` when it is not a regular file
 */
export function openHostFile(path: string): number {
  return checkRegular(openReal(path, FILE), path);
}

/**
 * Opens what must be a regular file, through symlinks too. Opening a FIFO would wait for a writer for ever, and opening
 * a device can do something.
 *
 * @throws an error with the code `EINVAL` when it is anything else
 */
function openRegularFile(path: string): number {
  if (!statSync(diskPath(path)).isFile()) throw notRegular(path);
  return checkRegular(openSync(diskPath(path), constants.O_RDONLY | constants.O_NONBLOCK), path);
}

/** The bytes of a file that `openRegularFile` opens. */
export function readRegularFile(path: string, chunkSize = 1 << 20): ReadStream {
  return createReadStream('', { fd: openRegularFile(path), highWaterMark: chunkSize });
}

/**
 * Opens a regular file of a folder that somebody else made, for whom no symlink may lead out of it.
 *
 * @param name path relative to the folder
 * @throws an error with the code `EINVAL` when it is something else than a file, `ELOOP` when it is elsewhere
 */
export function openFileWithin(folder: string, name: string): number {
  const path = join(folder, name);
  const fd = openRegularFile(path);
  const real = pathOf(fd) ?? realpathSync(path);
  if (real.startsWith(realpathSync(folder) + sep)) return fd;
  closeSync(fd);
  throw systemError('ELOOP', path, `${path} is a symbolic link to ${real}, outside the folder`);
}

/** Whether a path that exists is below a folder, symlinks resolved. */
export function isWithin(folder: string, path: string): boolean {
  return realpathSync(path).startsWith(realpathSync(folder) + sep);
}

function checkRegular(fd: number, path: string): number {
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw notRegular(path);
}

function notRegular(path: string): Error {
  return systemError('EINVAL', path, `${path} is not a regular file`);
}

/** The target of a symlink, read through its directory, which must not have become a symlink itself. */
export function readHostLink(directory: string, name: string): string {
  const fd = openHostDirectory(directory);
  try {
    const folder = process.platform === 'linux' ? `/proc/self/fd/${fd}` : directory;
    return nameOfBytes(readlinkSync(diskPath(`${folder}/${name}`), 'buffer'));
  } finally {
    closeSync(fd);
  }
}

/** The same for a directory. */
export function openHostDirectory(path: string): number {
  return openReal(path, FILE | constants.O_DIRECTORY);
}

function openReal(path: string, flags: number): number {
  const fd = openSync(diskPath(path), flags);
  const real = pathOf(fd);
  if (real === undefined || fold(real) === fold(path)) return fd;
  closeSync(fd);
  throw systemError('ELOOP', path, `${path} leads through a symbolic link to ${real}`);
}

function systemError(code: string, path: string, message: string): Error {
  return Object.assign(new Error(message), { code, syscall: 'open', path });
}

/** Undefined where the machine cannot say. */
function pathOf(fd: number): string | undefined {
  try {
    return nameOfBytes(readlinkSync(`/proc/self/fd/${fd}`, 'buffer'));
  } catch {
    return undefined;
  }
}

/** Some file systems find names whatever their case and composition. */
function fold(path: string): string {
  return path.normalize('NFC').toLowerCase();
}

/** Fills a buffer from a place in a file. @returns how many bytes were there: fewer at the end of the file */
export function readFully(fd: number, bytes: Buffer, position: number): number {
  let done = 0;
  while (done < bytes.length) {
    const count = readSync(fd, bytes, done, bytes.length - done, position + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}
