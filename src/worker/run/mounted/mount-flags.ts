import { isWithin, mounts } from '../../../launch/mount-table.ts';
import { MS, mount, setMountFlags } from '../../native.ts';

const FLAGS: Readonly<Record<string, number>> = {
  ro: MS.RDONLY,
  nosuid: MS.NOSUID,
  nodev: MS.NODEV,
  noexec: MS.NOEXEC,
  noatime: MS.NOATIME,
  nodiratime: MS.NODIRATIME,
  relatime: MS.RELATIME,
};

/** Adds flags to a mount and to all below it. @param flags of `MS` */
export function addMountFlags(path: string, flags: number): void {
  try {
    setMountFlags(path, flags);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSYS') throw error;
    for (const { point, options } of mounts().filter((one) => isWithin(one.point, path))) {
      const own = options.reduce((sum, option) => sum | (FLAGS[option] ?? 0), 0);
      mount('', point, '', MS.REMOUNT | MS.BIND | flags | own);
    }
  }
}
