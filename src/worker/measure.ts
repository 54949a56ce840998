import { lstatSync } from 'node:fs';
import { opendir } from 'node:fs/promises';
import { join } from 'node:path';

/** Bytes of the files in each of some folders; 0 for one that is not there. @param request.folders absolute paths */
export function measure({ folders }: { folders: string[] }): Promise<number[]> {
  return Promise.all(folders.map(sizeOf));
}

async function sizeOf(folder: string): Promise<number> {
  let size = 0;
  try {
    for await (const entry of await opendir(folder, { recursive: true })) {
      if (!entry.isFile()) continue;
      size += lstatSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
    }
  } catch (error) {
    // Somebody deletes it in this moment.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return size;
}
