import { spawnSync } from 'node:child_process';
import { chmodSync, type Dirent, lstatSync, readdirSync, rmSync } from 'node:fs';

/** Mode with all rights for a folder's owner. */
const OPEN = 0o700;

/** Searched before PATH. */
const SYSTEM = '/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Deletes a tree of this user, with any modes in it (overlayfs makes folders with mode 0), and with any owners of the
 * user's subordinate ids. A missing path is not an error.
 *
 * @throws Error of `rmSync` when the tree cannot be deleted
 */
export function removeTree(path: string): void {
  if (isRemoved(path)) return;
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) openFolders(Buffer.from(path));
  if (isRemoved(path)) return;
  if (process.getuid?.() !== 0) {
    const options = ['--user', '--map-root-user', '--map-auto', '--', 'rm', '-rf', '--', path];
    spawnSync('unshare', options, { stdio: 'ignore', env: { PATH: `${SYSTEM}:${process.env['PATH']}` } });
  }
  rmSync(path, { recursive: true, force: true });
}

/** Tries plain deletion. @returns false without permission to read or delete something in it */
function isRemoved(path: string): boolean {
  try {
    rmSync(path, { recursive: true, force: true });
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM') return false;
    throw error;
  }
}

/** Gives the owner all rights to the folders of a tree. Folders of other owners are skipped. */
function openFolders(path: Buffer): void {
  let entries: Dirent<Buffer>[];
  try {
    chmodSync(path, OPEN);
    entries = readdirSync(path, { withFileTypes: true, encoding: 'buffer' });
  } catch {
    return;
  }
  for (const entry of entries) {
    if (entry.isDirectory()) openFolders(Buffer.concat([path, Buffer.from('/'), entry.name]));
  }
}
