import { closeSync, lstatSync, mkdirSync, openSync, readSync, renameSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { JettisonError } from '../../errors/error.ts';
import { join as joinPath, type RecipeEntry } from '../../layer/entry.ts';
import { GzipWriter } from '../../layer/gzip.ts';
import { MergedTree } from '../../layer/merged-tree.ts';
import { diskPath } from '../../layer/names.ts';
import { TAR_END, tarHeader, tarPadding } from '../../layer/tar-write.ts';
import type { RequestOf } from '../../protocol/operations.ts';
import { type CacheRecord, cacheDirectory, installCache } from '../../store/cache-mounts.ts';
import { parseRecord } from '../../store/record-file.ts';
import { readNames, temporaryPath } from '../../store/temporary.ts';
import { writeAll } from '../file-io.ts';
import { READ_FLAGS } from '../layers/content.ts';
import { scanUpper } from '../layers/scan-upper.ts';
import { unpackTree } from '../layers/unpack.ts';
import type { WorkerContext } from '../worker-context.ts';

/** The folder of a cache in the store, and in archives. */
const NAME = /^[0-9a-f]{32}(-\d{1,3})?$/;
const CHUNK = 1 << 20;

/**
 * Writes caches to a tar: `<name>/cache.json` and the contents in `<name>/dir/` for each. No command may be using them.
 */
export async function exportCaches(
  ctx: WorkerContext,
  { names, path, compress }: RequestOf<'exportCaches'>,
): Promise<void> {
  const fd = openSync(path, 'wx', 0o600);
  try {
    const write = (bytes: Buffer) => writeAll(fd, bytes);
    const out = compress
      ? gzipTo(write)
      : { write: async (data: Buffer) => write(data), end: async () => {} };
    await writeCaches(ctx, names, out);
  } finally {
    closeSync(fd);
  }
}

/** Receives the bytes of a tar. */
export interface Out {
  write(data: Buffer): Promise<void>;
  end(): Promise<void>;
}

/** Writes caches as one tar. The same content gives the same bytes: directories have mtime 0. */
export async function writeCaches(ctx: WorkerContext, names: readonly string[], out: Out): Promise<void> {
  for (const name of names) {
    const record = await readFile(join(ctx.layout.cacheMounts, name, 'cache.json'));
    const owner = { uid: 0, gid: 0, mtime: 0 };
    await out.write(tarHeader({ path: name, type: 'directory', mode: 0o755, size: 0, ...owner }));
    const path = `${name}/cache.json`;
    await out.write(tarHeader({ path, type: 'file', mode: 0o644, size: record.length, ...owner }));
    await out.write(record);
    await out.write(Buffer.alloc(tarPadding(record.length)));
    const upper = cacheDirectory(ctx.layout, name);
    const root = lstatSync(upper);
    const { uid, gid } = root;
    const mode = root.mode & 0o7777;
    await out.write(tarHeader({ path: `${name}/dir`, type: 'directory', mode, uid, gid, size: 0, mtime: 0 }));
    for (const entry of await scanUpper(ctx, { upper, lower: new MergedTree([]) })) {
      if (entry.path !== '') await writeEntry(out, upper, entry, `${name}/dir`);
    }
  }
  await out.write(TAR_END);
  await out.end();
}

async function writeEntry(out: Out, folder: string, entry: RecipeEntry, under: string): Promise<void> {
  const link =
    entry.type === 'hardlink'
      ? { link: joinPath(under, entry.link!) }
      : entry.link
        ? { link: entry.link }
        : {};
  // A temporary file changes its directory's time, which no program of a cache depends on.
  const time = entry.type === 'directory' ? { mtime: 0 } : {};
  await out.write(tarHeader({ ...entry, ...link, ...time, path: joinPath(under, entry.path) }));
  if (entry.type !== 'file') return;
  const fd = openSync(diskPath(`${folder}/${entry.path}`), READ_FLAGS);
  try {
    for (let left = entry.size; left > 0; ) {
      const chunk = Buffer.allocUnsafe(Math.min(left, CHUNK));
      const count = readSync(fd, chunk);
      if (count === 0) throw new Error(`${entry.path} became shorter while it was read`);
      await out.write(chunk.subarray(0, count));
      left -= count;
    }
  } finally {
    closeSync(fd);
  }
  await out.write(Buffer.alloc(tarPadding(entry.size)));
}

/** Compresses with gzip. @param write receives the compressed bytes @param tar receives the uncompressed bytes */
export function gzipTo(write: (bytes: Buffer) => void, tar: (bytes: Buffer) => void = () => {}): Out {
  const gzip = new GzipWriter(tar, write);
  return {
    write: async (data) => {
      gzip.write(data);
      if (gzip.full) await gzip.drain();
    },
    end: () => gzip.end(),
  };
}

/**
 * Reads caches from an archive that `exportCaches` made.
 *
 * @returns the names of the caches
 * @throws JettisonError `CACHE_ARCHIVE` when it is not such an archive, `TAR_INVALID`, `COMPRESSION_INVALID`
 */
export async function importCaches(ctx: WorkerContext, { path }: { path: string }): Promise<string[]> {
  const folder = temporaryPath(ctx.layout, 'caches');
  try {
    await unpackTree(ctx, path, folder);
    const names = readNames(folder);
    const records = await Promise.all(names.map((name) => readRecord(folder, name)));
    mkdirSync(ctx.layout.cacheMounts, { recursive: true });
    for (const [i, name] of names.entries()) {
      const place = join(ctx.layout.cacheMounts, name);
      const old = temporaryPath(ctx.layout, 'cache');
      if (lstatSync(place, { throwIfNoEntry: false })) renameSync(place, old);
      installCache(ctx.layout, name, join(folder, name), records[i]!);
      rmSync(old, { recursive: true, force: true });
    }
    return names;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The record of a cache in an unpacked archive. @throws JettisonError `CACHE_ARCHIVE` when it is not a cache */
export async function readRecord(folder: string, name: string): Promise<CacheRecord> {
  const path = join(folder, name, 'cache.json');
  const isCache =
    NAME.test(name) &&
    // Not a symlink: the folder is bind-mounted by its path.
    lstatSync(join(folder, name)).isDirectory() &&
    lstatSync(path, { throwIfNoEntry: false })?.isFile() &&
    lstatSync(join(folder, name, 'dir'), { throwIfNoEntry: false })?.isDirectory();
  const record = isCache ? parseRecord<CacheRecord>(await readFile(path), { unsealed: true }) : undefined;
  if (typeof record?.id === 'string') return record;
  throw new JettisonError('CACHE_ARCHIVE', `this is not an archive of cache mounts: it holds "${name}"`, {
    hint: '`jettison cache-mounts export` makes such archives.',
  });
}
