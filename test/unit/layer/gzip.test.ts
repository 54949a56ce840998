import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compressionOf, decompress } from '../../../src/layer/decompress.ts';
import { GZIP_BLOCK, GzipWriter } from '../../../src/layer/gzip.ts';

async function gzip(pieces: Buffer[]): Promise<{ input: Buffer; output: Buffer }> {
  const input: Buffer[] = [];
  const output: Buffer[] = [];
  const writer = new GzipWriter(
    (block) => input.push(Buffer.from(block)),
    (bytes) => output.push(bytes),
  );
  for (const piece of pieces) {
    writer.write(piece);
    if (writer.full) await writer.drain();
  }
  await writer.end();
  return { input: Buffer.concat(input), output: Buffer.concat(output) };
}

async function* chunked(data: Buffer, step: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < data.length; at += step) yield data.subarray(at, at + step);
}

async function collect(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

/** Bytes that neither repeat soon nor are quite random; only zeros after the first block, to be quick. */
function sample(size: number): Buffer {
  const data = Buffer.alloc(size);
  for (let i = 0, x = 1; i < Math.min(size, GZIP_BLOCK); i++) {
    x = (x * 48271) % 2147483647;
    data[i] = x % 23;
  }
  return data;
}

describe('GzipWriter', () => {
  it.each([0, 1, GZIP_BLOCK - 1, GZIP_BLOCK, GZIP_BLOCK + 1, 15 * GZIP_BLOCK + 7])(
    'makes one member of %i bytes',
    async (size) => {
      const data = sample(size);
      const { input, output } = await gzip([data]);
      expect(input.equals(data)).toBe(true);
      expect(gunzipSync(output).equals(data)).toBe(true);
    },
  );

  it('gives the same bytes however the input comes', async () => {
    const data = sample(2 * GZIP_BLOCK + 100);
    const whole = await gzip([data]);
    const pieces = await gzip([
      data.subarray(0, 5),
      data.subarray(5, GZIP_BLOCK + 9),
      data.subarray(GZIP_BLOCK + 9),
    ]);
    expect(pieces.output.equals(whole.output)).toBe(true);
  });
});

describe('decompress', () => {
  it('tells compressions by content', () => {
    expect(compressionOf(gzipSync(''))).toBe('gzip');
    expect(compressionOf(Buffer.from('28b52ffd00', 'hex'))).toBe('zstd');
    expect(compressionOf(Buffer.from('BZh91AY'))).toBe('bzip2');
    expect(compressionOf(Buffer.from('fd377a585a0000', 'hex'))).toBe('xz');
    expect(compressionOf(Buffer.from('\x1f'))).toBe('none');
    expect(compressionOf(Buffer.alloc(0))).toBe('none');
  });

  it('decompresses gzip of several members, and passes uncompressed data', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 50 }),
        async (members, step) => {
          const plain = Buffer.concat([Buffer.from('tar'), ...members]);
          const zipped = Buffer.concat(members.map((member) => gzipSync(member)));
          expect((await collect(decompress(chunked(zipped, step)))).equals(Buffer.concat(members))).toBe(
            true,
          );
          expect((await collect(decompress(chunked(plain, step)))).equals(plain)).toBe(true);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('says that damaged content is damaged', async () => {
    const zipped = gzipSync(sample(5000));
    await expect(collect(decompress(chunked(zipped.subarray(0, 1000), 100)))).rejects.toMatchObject({
      code: 'COMPRESSION_INVALID',
    });
    zipped[500] = zipped[500]! ^ 0xff;
    await expect(collect(decompress(chunked(zipped, 100)))).rejects.toMatchObject({
      code: 'COMPRESSION_INVALID',
    });
  });

  it('passes on an error of its input', async () => {
    async function* failing(): AsyncGenerator<Buffer> {
      yield gzipSync(sample(5000)).subarray(0, 600);
      throw new Error('connection lost');
    }
    await expect(collect(decompress(failing()))).rejects.toThrow('connection lost');
  });
});
