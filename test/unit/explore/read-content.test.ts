import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { readContent } from '../../../src/explore/read-content.ts';
import { sha256 } from '../../../src/image/digest.ts';
import type { Layer } from '../../../src/image/image.ts';
import { MEDIA } from '../../../src/image/types.ts';
import { makeTar } from '../../support/images.ts';

const digestOf = (text: string) => createHash('sha256').update(text).digest('hex');

/** A layer that counts what was read of it, in pieces of a few bytes. */
function layerOf(tar: Buffer, packed: Buffer = gzipSync(tar)) {
  const seen = { bytes: 0 };
  const layer: Layer = {
    diffId: sha256(tar),
    blob: { mediaType: MEDIA.ociLayerGzip, digest: sha256(packed), size: packed.length },
    async *open() {
      for (let at = 0; at < packed.length; at += 4096) {
        seen.bytes = at;
        yield packed.subarray(at, at + 4096);
      }
    },
  };
  return { layer, seen };
}

async function read(layer: Layer, text: string, digest = digestOf(text)): Promise<string> {
  let content = '';
  const sink = {
    restart: () => {
      content = '';
    },
    write: (chunk: Buffer) => {
      content += chunk.toString('latin1');
    },
  };
  await readContent(layer, { size: text.length, digest }, sink);
  return content;
}

const TAR = makeTar([
  ['a', 'first'],
  ['b', 'other'],
  [{ path: 'c', type: 'hardlink', link: 'b' }],
  ['a', 'later'],
  ['empty', ''],
]);

describe('a file is read out of its layer', () => {
  test.each(['first', 'other', 'later', ''])('the content "%s", under any name', async (text) => {
    expect(await read(layerOf(TAR).layer, text)).toBe(text);
    expect(await read(layerOf(TAR, TAR).layer, text)).toBe(text);
  });

  test('and no further than to its end', async () => {
    const noise = Buffer.from(Array.from({ length: 1 << 20 }, (_, at) => (at * 2654435761) >>> 24));
    const tar = makeTar([
      ['a', 'first'],
      ['noise', noise],
    ]);
    const { layer, seen } = layerOf(tar, tar);
    expect(await read(layer, 'first')).toBe('first');
    expect(seen.bytes).toBeLessThan(tar.length / 2);
  });

  test.each([
    ['of the same size, but another', 'first', digestOf('wrong')],
    ['of another size', 'longer than any', digestOf('longer than any')],
  ])('a content %s is missing', async (_, text, digest) => {
    await expect(read(layerOf(TAR).layer, text, digest)).rejects.toMatchObject({ code: 'CONTENT_MISSING' });
  });

  test('a layer that is cut short is an error', async () => {
    const packed = gzipSync(TAR).subarray(0, 40);
    await expect(read(layerOf(TAR, packed).layer, 'later')).rejects.toMatchObject({
      code: 'COMPRESSION_INVALID',
    });
  });
});
