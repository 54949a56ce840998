import { createHash, hash } from 'node:crypto';
import { closeSync, openSync, readSync, renameSync, rmSync } from 'node:fs';
import type { Digest } from '../../image/digest.ts';
import { MEDIA } from '../../image/types.ts';
import type { RecipeEntry } from '../../layer/entry.ts';
import { type BlockSink, BlockWriter, GzipWriter } from '../../layer/gzip.ts';
import { readRecipe } from '../../layer/recipe.ts';
import { TAR_END, tarHeader, tarPadding } from '../../layer/tar-write.ts';
import type { PackedLayer, PackRequest } from '../../protocol/operations.ts';
import { installBlob, type LayerBlob, Layers } from '../../store/layers.ts';
import { temporaryPath } from '../../store/temporary.ts';
import { writeAll } from '../file-io.ts';
import type { WorkerContext } from '../worker-context.ts';
import { contentChanged, openContent, sourceOf } from './content.ts';

const ZEROS = Buffer.alloc(512);

/**
 * Makes the tar and blob forms of a layer in one streaming pass: files → canonical tar → sha256 → gzip → sha256 → the
 * store's blobs. Metadata comes from the recipe or the index, content from the disk. A packed layer is packed again
 * only with other times.
 *
 * @throws JettisonError `CONTEXT_CHANGED` when a file of the context has changed since it was selected
 */
export async function pack(ctx: WorkerContext, request: PackRequest): Promise<PackedLayer> {
  const { layout } = ctx;
  const { layer, clampTime, setTime } = request;
  const ownTimes = clampTime === undefined && setTime === undefined;
  const known = ownTimes ? new Layers(layout).blob(layer) : undefined;
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
    await writeTar(ctx, gzip, withTime(entriesOf(ctx, request), setTime), clampTime);
    await gzip.end();
    const digest: Digest = `sha256:${blob.digest('hex')}`;
    const packed: LayerBlob = {
      diffId: `sha256:${tar.digest('hex')}`,
      blob: { mediaType: MEDIA.ociLayerGzip, digest, size },
    };
    renameSync(temporary, layout.blob(digest));
    if (ownTimes) installBlob(layout, layer, packed);
    return packed;
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** Writes the tar of a recipe into a file. @throws JettisonError `CONTEXT_CHANGED` */
export async function tar(ctx: WorkerContext, request: { recipe: string; path: string }): Promise<void> {
  const fd = openSync(request.path, 'wx', 0o600);
  try {
    const writer = new BlockWriter((block) => writeAll(fd, block));
    await writeTar(ctx, writer, readRecipe(request.recipe));
    writer.end();
  } finally {
    closeSync(fd);
  }
}

async function writeTar(
  ctx: WorkerContext,
  sink: BlockSink,
  entries: Iterable<RecipeEntry>,
  clampTime?: number,
): Promise<void> {
  for (const entry of entries) {
    sink.write(tarHeader(entry, clampTime));
    if (entry.type === 'file') await addContent(ctx, sink, entry);
    if (sink.full) await sink.drain();
  }
  sink.write(TAR_END);
}

function* withTime(entries: Iterable<RecipeEntry>, mtime: number | undefined): Generator<RecipeEntry> {
  for (const entry of entries) yield mtime === undefined ? entry : { ...entry, mtime };
}

function* entriesOf(ctx: WorkerContext, request: PackRequest): Generator<RecipeEntry> {
  if (request.recipe !== undefined) {
    yield* readRecipe(request.recipe);
    return;
  }
  const { layer } = request;
  for (const entry of new Layers(ctx.layout).index(layer).entries()) {
    yield entry.type === 'file' ? { ...entry, source: { kind: 'layer', layer, path: entry.path } } : entry;
  }
}

/** Reads a file directly into the compressor's block, and verifies its digest. */
async function addContent(ctx: WorkerContext, sink: BlockSink, entry: RecipeEntry): Promise<void> {
  const source = sourceOf(entry);
  if (source.kind === 'inline') {
    const data = Buffer.from(source.data, 'base64');
    if (data.length !== entry.size) throw contentChanged(entry, source);
    sink.write(data);
  } else {
    const fd = openContent(ctx, entry, source);
    try {
      const digest = await readContent(sink, fd, entry.size);
      if (digest === undefined || (entry.digest !== undefined && digest !== entry.digest)) {
        throw contentChanged(entry, source);
      }
    } finally {
      closeSync(fd);
    }
  }
  sink.write(ZEROS.subarray(0, tarPadding(entry.size)));
}

/** The digest of the content; undefined if it does not have this size. */
async function readContent(sink: BlockSink, fd: number, size: number): Promise<string | undefined> {
  const { space } = sink;
  if (size < space.length) {
    // One byte more than expected shows whether the file has grown.
    const count = readSync(fd, space, 0, size + 1, null);
    if (count !== size) return undefined;
    const digest = hash('sha256', space.subarray(0, size), 'hex');
    sink.advance(size);
    return digest;
  }
  const sum = createHash('sha256');
  for (let left = size; left > 0; ) {
    const room = sink.space;
    const count = readSync(fd, room, 0, Math.min(left, room.length), null);
    if (count === 0) return undefined;
    sum.update(room.subarray(0, count));
    sink.advance(count);
    left -= count;
    if (sink.full) await sink.drain();
  }
  return readSync(fd, Buffer.alloc(1), 0, 1, null) === 0 ? sum.digest('hex') : undefined;
}
