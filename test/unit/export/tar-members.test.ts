import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tarMembers } from '../../../src/export/tar-members.ts';
import { makeTar } from '../../support/images.ts';

async function* cut(bytes: Buffer, length: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

describe('tar members', () => {
  it('come with their content, for any chunking and any unread members', async () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 8 });
    const cuts = fc.integer({ min: 1, max: 5000 });
    await fc.assert(
      fc.asyncProperty(sizes, cuts, fc.func(fc.boolean()), async (lengths, length, reads) => {
        const contents = lengths.map((size, index) => Buffer.alloc(size, 65 + index));
        const tar = makeTar(contents.map((content, index) => [`file${index}`, content]));
        let index = 0;
        for await (const { header, content } of tarMembers(cut(tar, length))) {
          expect(header.name).toBe(`file${index}`);
          if (reads(index)) {
            const parts: Buffer[] = [];
            for await (const chunk of content) parts.push(chunk);
            expect(Buffer.concat(parts)).toEqual(contents[index]);
          }
          index++;
        }
        expect(index).toBe(contents.length);
      }),
    );
  });

  it('refuses a tar that ends in the middle', async () => {
    const tar = makeTar([['file', 'x'.repeat(2000)]]);
    const read = async () => {
      for await (const _ of tarMembers(cut(tar.subarray(0, 1500), 100)));
    };
    await expect(read()).rejects.toMatchObject({ code: 'TAR_INVALID' });
  });
});
