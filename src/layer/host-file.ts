import { closeSync, constants, openSync, readlinkSync } from 'node:fs';
import { diskPath, nameOfBytes } from './names.ts';

const FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Opens a file of the machine by its real path. Files are looked at first and read later; when by then a directory on
 * the way has become a symbolic link, what is behind it is not what was looked at, and may be nobody's business.
 *
 * @param path absolute, without symlinks
 * @throws an error with the code `ELOOP` when it leads through a symlink; of a pipe nothing is waited for
 */
export function openHostFile(path: string): number {
  return openReal(path, FILE);
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
  const error = new Error(`${path} leads through a symbolic link to ${real}`);
  throw Object.assign(error, { code: 'ELOOP', syscall: 'open', path });
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
