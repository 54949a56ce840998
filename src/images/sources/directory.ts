import { createHash } from 'node:crypto';
import { createReadStream, lstatSync, readdirSync, readlinkSync, type Stats } from 'node:fs';
import { resolve } from 'node:path';
import { JettisonError } from '../../errors/error.ts';
import { canonicalJson, sha256 } from '../../image/digest.ts';
import type { Image } from '../../image/image.ts';
import { type ImageConfig, MEDIA } from '../../image/types.ts';
import { type Entry, join } from '../../layer/entry.ts';
import { diskPath, nameOfBytes } from '../../layer/names.ts';
import { TAR_END, tarHeader, tarPadding } from '../../layer/tar-write.ts';
import type { OpenSource } from '../open-source.ts';

/**
 * A directory of this machine as an image of one layer: `dir:PATH`. It is read twice, once for its digest; what cannot be
 * in a layer (sockets) is left out, and no link is followed.
 *
 * @throws JettisonError `IMAGE_UNKNOWN`
 */
export const open: OpenSource = async (text, { cwd, platform, signal }) => {
  const path = resolve(cwd, text.slice('dir:'.length));
  if (!lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw new JettisonError('IMAGE_UNKNOWN', `${path} is not a directory`, { hint: 'Write dir:PATH.' });
  }
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of tarOf(path)) {
    signal.throwIfAborted();
    hash.update(chunk);
    size += chunk.length;
  }
  const diffId = `sha256:${hash.digest('hex')}` as const;
  const config: ImageConfig = {
    ...platform,
    rootfs: { type: 'layers', diff_ids: [diffId] },
    history: [{ created_by: `COPY ${path} /` }],
  };
  const bytes = Buffer.from(canonicalJson(config));
  const id = sha256(bytes);
  const layer = {
    diffId,
    blob: { mediaType: MEDIA.ociLayer, digest: diffId, size },
    open: () => tarOf(path),
  };
  const descriptor = { mediaType: MEDIA.ociConfig, digest: id, size: bytes.length };
  const image: Image = { label: text, descriptor, id, config, layers: [layer], close: async () => {} };
  return image;
};

async function* tarOf(root: string): AsyncGenerator<Buffer> {
  const seen = new Map<string, string>();
  for (const { entry, path } of entriesOf(root, '', seen)) {
    yield tarHeader(entry);
    if (entry.type !== 'file' || entry.size === 0) continue;
    let moved = 0;
    for await (const chunk of createReadStream(diskPath(path), { end: entry.size - 1 })) {
      moved += (chunk as Buffer).length;
      yield chunk as Buffer;
    }
    if (moved !== entry.size) {
      throw new JettisonError('CONTEXT_CHANGED', `${path} became shorter while it was read`, {
        hint: 'Try again.',
      });
    }
    yield Buffer.alloc(tarPadding(entry.size));
  }
  yield TAR_END;
}

function* entriesOf(
  root: string,
  below: string,
  seen: Map<string, string>,
): Generator<{ entry: Entry; path: string }> {
  const folder = below === '' ? root : `${root}/${below}`;
  const names = readdirSync(diskPath(folder), { encoding: 'buffer' }).sort(Buffer.compare).map(nameOfBytes);
  for (const name of names) {
    const path = `${folder}/${name}`;
    const stat = lstatSync(diskPath(path), { throwIfNoEntry: false });
    const entry = stat && entryOf(stat, path, join(below, name), seen);
    if (entry === undefined) continue;
    yield { entry, path };
    if (entry.type === 'directory') yield* entriesOf(root, entry.path, seen);
  }
}

function entryOf(stat: Stats, path: string, at: string, seen: Map<string, string>): Entry | undefined {
  const { mode, uid, gid } = stat;
  const facts = { path: at, mode: mode & 0o7777, uid, gid, size: 0, mtime: Math.floor(stat.mtimeMs / 1000) };
  if (stat.isDirectory()) return { ...facts, type: 'directory' };
  if (stat.isSymbolicLink()) {
    const link = nameOfBytes(readlinkSync(diskPath(path), { encoding: 'buffer' }));
    return { ...facts, mode: 0o777, type: 'symlink', link };
  }
  if (stat.isFIFO()) return { ...facts, type: 'fifo' };
  if (!stat.isFile()) return undefined;
  const inode = `${stat.dev}:${stat.ino}`;
  const first = stat.nlink > 1 ? seen.get(inode) : undefined;
  if (first !== undefined) return { ...facts, type: 'hardlink', link: first };
  seen.set(inode, at);
  return { ...facts, type: 'file', size: stat.size };
}
