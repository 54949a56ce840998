import { createHash, hash } from 'node:crypto';
import { closeSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import type { Digest } from '../image/digest.ts';
import { MEDIA } from '../image/types.ts';
import type { RecipeEntry } from '../layer/entry.ts';
import { GzipWriter } from '../layer/gzip.ts';
import { diskPath } from '../layer/names.ts';
import { readRecipe } from '../layer/recipe.ts';
import { TAR_END, tarHeader, tarPadding } from '../layer/tar-write.ts';
import { installBlob, type LayerBlob, Layers } from '../store/layers.ts';
import { temporaryPath } from '../store/temporary.ts';
import { contentChanged, contentPath, READ_FLAGS, sourceOf } from './content.ts';
import type { WorkerContext } from './context.ts';
import type { PackedLayer, PackRequest } from './protocol.ts';

const ZEROS = Buffer.alloc(512);

/**
 * Makes the tar and blob forms of a layer in one streaming pass: files → canonical tar → sha256 → gzip →
 * sha256 → the store's blobs. Metadata comes from the recipe (or the index), only content from the disk. A
 * layer that has been packed is not packed again, unless its times are to be clamped.
 *
 * @throws JettisonError `CONTEXT_CHANGED` when a file of the context is not what it was when it was selected
 */
export async function pack(ctx: WorkerContext, request: PackRequest): Promise<PackedLayer> {
  const { layout } = ctx;
  const { layer, clampTime } = request;
  const known = clampTime === undefined ? new Layers(layout).blob(layer) : undefined;
  if (known !== undefined) return known;
  const temporary = temporaryPath(layout, 'blob');
  const fd = openSync(temporary, 'wx', 0o644);
  try {
    const tar = createHash('sha256');
    const blob = createHash('sha256');
    let size = 0;
    const gzip = new GzipWriter(
      (block) => tar.update(block),
      (bytes) => {
        blob.update(bytes);
        size += bytes.length;
        writeAll(fd, bytes);
      },
    );
    for (const entry of entriesOf(ctx, request)) {
      gzip.write(tarHeader(entry, clampTime));
      if (entry.type === 'file') await addContent(ctx, gzip, entry);
      if (gzip.full) await gzip.drain();
    }
    gzip.write(TAR_END);
    await gzip.end();
    const digest: Digest = `sha256:${blob.digest('hex')}`;
    const packed: LayerBlob = {
      diffId: `sha256:${tar.digest('hex')}`,
      blob: { mediaType: MEDIA.ociLayerGzip, digest, size },
    };
    renameSync(temporary, layout.blob(digest));
    if (clampTime === undefined) installBlob(layout, layer, packed);
    return packed;
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

function* entriesOf(ctx: WorkerContext, request: PackRequest): Generator<RecipeEntry> {
  if (request.recipe !== undefined) {
    yield* readRecipe(request.recipe);
    return;
  }
  const { layer } = request;
  for (const entry of readRecipe(ctx.layout.layerIndex(layer))) {
    yield entry.type === 'file' ? { ...entry, source: { kind: 'layer', layer, path: entry.path } } : entry;
  }
}

/** Reads a file straight into the compressor's block, and makes sure that it is the file that was meant. */
async function addContent(ctx: WorkerContext, gzip: GzipWriter, entry: RecipeEntry): Promise<void> {
  const source = sourceOf(entry);
  if (source.kind === 'inline') {
    const data = Buffer.from(source.data, 'base64');
    if (data.length !== entry.size) throw contentChanged(entry, source);
    gzip.write(data);
  } else {
    const fd = openSync(diskPath(contentPath(ctx, source)), READ_FLAGS);
    try {
      const digest = await readContent(gzip, fd, entry.size);
      if (digest === undefined || (entry.digest !== undefined && digest !== entry.digest)) {
        throw contentChanged(entry, source);
      }
    } finally {
      closeSync(fd);
    }
  }
  gzip.write(ZEROS.subarray(0, tarPadding(entry.size)));
}

/** The digest of what has been read; undefined if it is not of this size. */
async function readContent(gzip: GzipWriter, fd: number, size: number): Promise<string | undefined> {
  const { space } = gzip;
  if (size < space.length) {
    // One byte more than expected shows whether the file has grown.
    const count = readSync(fd, space, 0, size + 1, null);
    if (count !== size) return undefined;
    const digest = hash('sha256', space.subarray(0, size), 'hex');
    gzip.advance(size);
    return digest;
  }
  const sum = createHash('sha256');
  for (let left = size; left > 0; ) {
    const room = gzip.space;
    const count = readSync(fd, room, 0, Math.min(left, room.length), null);
    if (count === 0) return undefined;
    sum.update(room.subarray(0, count));
    gzip.advance(count);
    left -= count;
    if (gzip.full) await gzip.drain();
  }
  return readSync(fd, Buffer.alloc(1), 0, 1, null) === 0 ? sum.digest('hex') : undefined;
}

function writeAll(fd: number, data: Buffer): void {
  for (let at = 0; at < data.length; ) at += writeSync(fd, data, at);
}
