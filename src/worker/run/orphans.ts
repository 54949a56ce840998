import { readdirSync, readlinkSync, realpathSync } from 'node:fs';

/**
 * Kills leftover processes of commands on the rung chroot whose keeper was killed: those whose root is inside the
 * temporary folder of a dead process. Finds only processes that this one may inspect.
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
