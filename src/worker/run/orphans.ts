import { readdirSync, readlinkSync, realpathSync } from 'node:fs';

/**
 * Kills what commands on the rung chroot have left that nobody could end any more: processes whose root is inside
 * a dead process's folder. Only those that this process may look at are found.
 *
 * @param folders absolute paths
 */
export function killOrphans(folders: readonly string[]): void {
  if (folders.length === 0) return;
  const roots = folders.map((folder) => `${realpathSync(folder)}/`);
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const root = readlinkSync(`/proc/${name}/root`);
      if (roots.some((folder) => root.startsWith(folder))) process.kill(Number(name), 'SIGKILL');
    } catch {
      // It has ended, or is somebody else's.
    }
  }
}
