import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { Readable, type Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { JettisonError } from '../errors/error.ts';
import type { Digest } from '../image/digest.ts';
import { type Descriptor, MEDIA } from '../image/types.ts';
import { decompress } from '../layer/decompress.ts';
import { GzipWriter } from '../layer/gzip.ts';
import { pipeThrough } from '../layer/program.ts';
import type { LayerBlob } from '../store/layers.ts';
import type { Store } from '../store/store.ts';
import type { CompressionType, LayerCompression } from './output.ts';

const MEDIA_TYPES: Record<CompressionType, string> = {
  gzip: MEDIA.ociLayerGzip,
  zstd: MEDIA.ociLayerZstd,
  uncompressed: MEDIA.ociLayer,
};
const DOCKER_TYPES: Record<string, CompressionType> = {
  [MEDIA.dockerLayerGzip]: 'gzip',
  [MEDIA.dockerLayer]: 'uncompressed',
};
/** The zstd program's default level. */
const ZSTD_DEFAULT_LEVEL = 3;

/**
 * Converts a layer to another compression; its diff id stays the same. A layer that has the compression is returned
 * unchanged, unless a level is given. The result is recorded in the store.
 *
 * @param fetchBlob downloads the blob into the store
 * @throws JettisonError `COMPRESSOR_MISSING`, `COMPRESSOR_FAILED`, `DIGEST_MISMATCH` when the tar has another diff id
 */
export async function recompress(
  store: Store,
  layer: LayerBlob,
  { type, level }: LayerCompression,
  fetchBlob: (blob: Descriptor) => Promise<void>,
): Promise<LayerBlob> {
  if (level === undefined && compressionOf(layer.blob.mediaType) === type) return layer;
  const key = { from: layer.diffId, type, level };
  const known = store.conversions.get(key);
  if (known !== undefined) return known;
  await fetchBlob(layer.blob);
  const sum = createHash('sha256');
  const tar = hashing(decompress(store.blobs.stream(layer.blob.digest), { trusted: true }), sum);
  const stored = await store.blobs.writeStream(compress(tar, type, level));
  const diffId: Digest = `sha256:${sum.digest('hex')}`;
  if (diffId !== layer.diffId) {
    throw new JettisonError('DIGEST_MISMATCH', `the layer ${layer.blob.digest} has the diff id ${diffId}`, {
      hint: `Its image has ${layer.diffId}: pull or build the image again.`,
    });
  }
  const packed: LayerBlob = { diffId, blob: { mediaType: MEDIA_TYPES[type], ...stored } };
  store.conversions.put(key, packed);
  return packed;
}

function compressionOf(mediaType: string): CompressionType | undefined {
  const found = Object.entries(MEDIA_TYPES).find(([, known]) => known === mediaType);
  return (found?.[0] as CompressionType | undefined) ?? DOCKER_TYPES[mediaType];
}

async function* hashing(
  source: AsyncIterable<Buffer>,
  sum: { update(data: Buffer): unknown },
): AsyncGenerator<Buffer> {
  for await (const chunk of source) {
    sum.update(chunk);
    yield chunk;
  }
}

function compress(
  tar: AsyncGenerator<Buffer>,
  type: CompressionType,
  level: number | undefined,
): AsyncIterable<Buffer> {
  if (type === 'uncompressed') return tar;
  return type === 'gzip' ? gzipped(tar, level) : zstandard(tar, level ?? ZSTD_DEFAULT_LEVEL);
}

async function* gzipped(tar: AsyncIterable<Buffer>, level: number | undefined): AsyncGenerator<Buffer> {
  let out: Buffer[] = [];
  const gzip = new GzipWriter(
    () => {},
    (bytes) => out.push(bytes),
    level,
  );
  for await (const chunk of tar) {
    gzip.write(chunk);
    if (gzip.full) await gzip.drain();
    yield* out;
    out = [];
  }
  await gzip.end();
  yield* out;
}

/** Compresses with Node's zstd (since 22.15), else with the program. */
async function* zstandard(tar: AsyncIterable<Buffer>, level: number): AsyncGenerator<Buffer> {
  const { createZstdCompress, constants } = zlib as unknown as {
    createZstdCompress?: (options: object) => Transform;
    constants: Record<string, number>;
  };
  const source = Readable.from(tar, { objectMode: false, highWaterMark: 1 << 20 });
  if (createZstdCompress !== undefined) {
    const params = { [constants['ZSTD_c_compressionLevel']!]: level };
    const transform = createZstdCompress({ params });
    source.on('error', (error) => transform.destroy(error));
    yield* source.pipe(transform) as AsyncIterable<Buffer>;
    return;
  }
  // Levels from 20 need --ultra; one thread, since the bytes must not depend on the number of cores.
  const child = spawn('zstd', ['-q', '-c', '--single-thread', '--ultra', `-${level}`], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  yield* pipeThrough(child, source, (result) => {
    if (result !== 0) throw missing(result);
  });
}

function missing(cause: number | Error): JettisonError {
  return typeof cause === 'number'
    ? new JettisonError('COMPRESSOR_FAILED', `zstd ended with exit code ${cause}`)
    : new JettisonError('COMPRESSOR_MISSING', 'cannot compress layers: the program zstd is not installed', {
        hint: 'Install zstd, use a Node that has it (22.15 or newer), or compress with gzip.',
        cause,
      });
}
