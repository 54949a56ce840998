import { existsSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { kernelIsAtLeast } from '../../../machine/kernel.ts';
import type { WorkerContext } from '../../worker-context.ts';

/** A module parameter exists here if overlayfs supports the mount option of that name. */
const PARAMETERS = '/sys/module/overlay/parameters';

/**
 * Mount options for the overlay of a run.
 *
 * @param folders.lower topmost first; all paths are relative to the working directory of mount(8), without commas,
 * colons and backslashes, and short: the kernel takes 4095 bytes in all
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
  // No sync needed: the upper directory is discarded unless the run succeeds.
  if (kernelIsAtLeast(5, 10)) options.push('volatile');
  // Layers are also read without overlayfs, so that metacopy and redirects between them must be off.
  if (xattrs === 'user') options.push('userxattr');
  else {
    for (const feature of ['index', 'redirect_dir', 'metacopy']) {
      if (existsSync(`${PARAMETERS}/${feature}`)) options.push(`${feature}=off`);
    }
  }
  return options.join(',');
}

/**
 * Symlinks the directories of layers into a folder, under names short enough for overlayfs' limits. A layer that occurs
 * several times is linked once, at its topmost position, which hides the others: overlayfs rejects a directory twice.
 *
 * @param folder absolute path
 * @param prefix of the names, which are relative to the folder; its directory part must exist
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

/** The namespace of the overlays' extended attributes. @throws Error in a worker that cannot mount */
export function overlayXattrs({ overlay }: WorkerContext): 'trusted' | 'user' {
  if (overlay === 'none') throw new Error('this worker mounts nothing');
  return overlay;
}
