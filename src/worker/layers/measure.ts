import { lstatSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { diskPath, nameOfBytes } from '../../layer/names.ts';

/** Bytes of the files in each folder; 0 for a missing one. @param folders absolute paths */
export function measure({ folders }: { folders: string[] }): Promise<number[]> {
  return Promise.all(folders.map(sizeOf));
}

async function sizeOf(folder: string): Promise<number> {
  let size = 0;
  try {
    for (const entry of await readdir(diskPath(folder), { withFileTypes: true, encoding: 'buffer' })) {
      const path = `${folder}/${nameOfBytes(entry.name)}`;
      if (entry.isDirectory()) size += await sizeOf(path);
      else if (entry.isFile()) size += lstatSync(diskPath(path), { throwIfNoEntry: false })?.size ?? 0;
    }
  } catch (error) {
    // Another process is deleting it.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return size;
}
