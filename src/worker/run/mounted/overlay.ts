import { existsSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { kernelIsAtLeast } from '../../../machine/kernel.ts';
import type { WorkerContext } from '../../worker-context.ts';

/** Kernel parameters that exist only where overlayfs knows the mount option of that name. */
const PARAMETERS = '/sys/module/overlay/parameters';

/**
 * Mount options of the overlay of a run.
 *
 * @param folders.lower topmost first; all paths relative to the working directory of whoever mounts, without
 * commas, colons and backslashes, and short: the kernel takes 4095 bytes in all
 * @param xattrs `user` inside a user namespace, where overlayfs may not use `trusted.` attributes
 */
export function overlayOptions(
  folders: { lower: readonly string[]; upper: string; work: string },
  xattrs: 'trusted' | 'user',
): string {
  const options = [
    `lowerdir=${folders.lower.join(':')}`,
    `upperdir=${folders.upper}`,
    `workdir=${folders.work}`,
  ];
  // The upper directory is thrown away unless the run ends well: nothing needs to be synced to the disk.
  if (kernelIsAtLeast(5, 10)) options.push('volatile');
  // Layers are read without overlayfs, too: no part of them may be only a reference to another one.
  if (xattrs === 'user') options.push('userxattr');
  else {
    for (const feature of ['index', 'redirect_dir', 'metacopy']) {
      if (existsSync(`${PARAMETERS}/${feature}`)) options.push(`${feature}=off`);
    }
  }
  return options.join(',');
}

/**
 * Links the directories of layers into a folder, under names short enough for as many layers as overlayfs takes.
 * A layer that the stack has several times is linked once, for its topmost place: that hides all there is of it
 * further down, and overlayfs takes no directory twice.
 *
 * @param folder absolute path
 * @param prefix of the names, which are relative to the folder; what is before its last slash must be there
 * @param directories of the layers: absolute paths, lowest first
 * @returns the names, lowest first
 */
export function linkLayers(folder: string, prefix: string, directories: readonly string[]): string[] {
  const distinct = directories.filter((path, index) => directories.lastIndexOf(path) === index);
  return distinct.map((path, index) => {
    const name = `${prefix}${index}`;
    symlinkSync(path, join(folder, name));
    return name;
  });
}

/** Which attributes the overlays of a worker use. A worker that cannot mount has none. */
export function overlayXattrs({ overlay }: WorkerContext): 'trusted' | 'user' {
  if (overlay === 'none') throw new Error('this worker mounts nothing');
  return overlay;
}
