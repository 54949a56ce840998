import { spawn } from 'node:child_process';
import { closeSync, openSync, readSync } from 'node:fs';
import { Readable, type Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { JettisonError } from '../errors/error.ts';
import { checkRatio } from '../errors/limits.ts';
import { pipeThrough } from './program.ts';

export type Compression = 'none' | 'gzip' | 'zstd' | 'bzip2' | 'xz';

const MAGIC: [Compression, Buffer][] = [
  ['gzip', Buffer.of(0x1f, 0x8b)],
  ['zstd', Buffer.of(0x28, 0xb5, 0x2f, 0xfd)],
  ['bzip2', Buffer.from('BZh')],
  ['xz', Buffer.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0)],
];
const LONGEST_MAGIC = 6;

/** Detects the compression by the first 6 bytes. */
export function compressionOf(start: Uint8Array): Compression {
  const found = MAGIC.find(([, magic]) => Buffer.from(start.subarray(0, magic.length)).equals(magic));
  return found === undefined ? 'none' : found[0];
}

/** Detects the compression of a file. */
export function compressionOfFile(path: string): Compression {
  const file = openSync(path, 'r');
  try {
    const start = Buffer.alloc(LONGEST_MAGIC);
    return compressionOf(start.subarray(0, readSync(file, start, 0, start.length, 0)));
  } finally {
    closeSync(file);
  }
}

/**
 * Decompresses content of any known compression. gzip (also of several members) is decompressed by Node, zstd by Node
 * if it supports that; the others by the programs of their name.
 *
 * @throws JettisonError `DECOMPRESSOR_MISSING` when such a program is not installed
 * @param options.trusted content of our own, which may have any size
 * @throws JettisonError `COMPRESSION_INVALID` when the content is damaged
 * @throws JettisonError `LIMIT_EXCEEDED` when it exceeds `archive-size` and `archive-ratio`
 */
export async function* decompress(
  content: AsyncIterable<Buffer>,
  options: { trusted?: boolean } = {},
): AsyncGenerator<Buffer> {
  const chunks = content[Symbol.asyncIterator]();
  let start = Buffer.alloc(0);
  let ended = false;
  while (start.length < LONGEST_MAGIC && !ended) {
    const next = await chunks.next();
    if (next.done) ended = true;
    else start = Buffer.concat([start, next.value]);
  }
  let packed = start.length;
  async function* all(): AsyncGenerator<Buffer> {
    if (start.length > 0) yield start;
    for (;;) {
      const next = await chunks.next();
      if (next.done) return;
      packed += next.value.length;
      yield next.value;
    }
  }
  const compression = compressionOf(start);
  if (compression === 'none') {
    yield* all();
    return;
  }
  const transform = inNode(compression);
  const unpacked =
    transform === undefined
      ? throughProgram(compression, all())
      : throughTransform(compression, transform, all());
  if (options.trusted) yield* unpacked;
  let size = 0;
  for await (const chunk of unpacked) {
    size += chunk.length;
    checkRatio(packed, size);
    yield chunk;
  }
}

/** Node's own decompressor, if it has one. */
function inNode(compression: Compression): Transform | undefined {
  if (compression === 'gzip') return zlib.createGunzip({ chunkSize: 1 << 18 });
  const { createZstdDecompress } = zlib as { createZstdDecompress?: () => Transform };
  return compression === 'zstd' ? createZstdDecompress?.() : undefined;
}

async function* throughTransform(
  compression: Compression,
  transform: Transform,
  content: AsyncGenerator<Buffer>,
): AsyncGenerator<Buffer> {
  let failure: unknown;
  const source = Readable.from(content, { objectMode: false, highWaterMark: 1 << 20 });
  source.on('error', (error) => {
    failure = error;
    transform.destroy(error);
  });
  try {
    for await (const chunk of source.pipe(transform)) yield chunk as Buffer;
  } catch (error) {
    if (failure !== undefined) throw failure;
    throw damaged(compression, (error as Error).message, error);
  } finally {
    source.destroy();
    transform.destroy();
  }
}

async function* throughProgram(
  compression: Compression,
  content: AsyncGenerator<Buffer>,
): AsyncGenerator<Buffer> {
  const child = spawn(compression, ['-dc'], { stdio: ['pipe', 'pipe', 'pipe'] });
  let message = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (message.length < 1000) message += text;
  });
  const source = Readable.from(content, { objectMode: false, highWaterMark: 1 << 20 });
  yield* pipeThrough(child, source, (result) => {
    if (typeof result !== 'number') throw missing(compression, result);
    if (result !== 0) throw damaged(compression, message.trim(), undefined);
  });
}

function missing(compression: Compression, cause: unknown): JettisonError {
  return new JettisonError(
    'DECOMPRESSOR_MISSING',
    `cannot decompress ${compression}: the program ${compression} is not installed`,
    { hint: `Install ${compression}, or compress the content with gzip.`, cause },
  );
}

function damaged(compression: Compression, message: string, cause: unknown): JettisonError {
  return new JettisonError('COMPRESSION_INVALID', `damaged ${compression} content: ${message}`, { cause });
}
