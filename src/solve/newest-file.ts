import { createReadStream } from 'node:fs';
import type { Context } from '../context/context.ts';
import { decompress } from '../layer/decompress.ts';
import { join } from '../layer/entry.ts';
import { TarReader } from '../layer/tar-read.ts';
import { isArchive } from './copy/archive-detect.ts';

/** Time of the newest file of a tar, in seconds since 1970; undefined for other files, and for a tar without files. */
export async function newestIn(path: string): Promise<number | undefined> {
  if (!(await isArchive(path))) return undefined;
  let newest: number | undefined;
  const reader = new TarReader({
    entry: ({ type, mtime }) => {
      if (type === 'file') newest = Math.max(newest ?? 0, Math.floor(mtime));
    },
    data: () => {},
    end: () => {},
  });
  for await (const chunk of decompress(createReadStream(path))) reader.write(chunk);
  reader.end();
  return newest;
}

/** Time of the newest file below a path of a context, in seconds since 1970; undefined without files. */
export function newestBelow(context: Context, path: string): number | undefined {
  const entry = context.get(path);
  if (entry?.type === 'file') return entry.mtime;
  const times = context.children(path).flatMap((name) => newestBelow(context, join(path, name)) ?? []);
  return times.length === 0 ? undefined : times.reduce((a, b) => Math.max(a, b));
}
