import { spawnSync } from 'node:child_process';
import { chmodSync, type Dirent, lstatSync, readdirSync, rmSync } from 'node:fs';

/** What opens folders to their owner. */
const OPEN = 0o700;

/** Where programs of the system are, before those of PATH. */
const SYSTEM = '/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Deletes a tree of this user's, whatever the modes in it (overlays keep folders that nobody may look into), and
 * whatever its owners, where they are of the user's ranges of ids. A path that is not there is fine.
 *
 * @throws Error of `rmSync` when it cannot be deleted
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

/** Tries plain deletion. @returns false when something in it may not be read or deleted */
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

/** Gives the owner all rights to the folders of a tree. Those of others stay as they are. */
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
