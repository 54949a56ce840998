import fc from 'fast-check';
import { expect, test } from 'vitest';
import { StreamSearch } from '../../../src/inspect/stream-search.ts';

test('matches do not depend on the chunking', () => {
  const byte = fc.constantFrom(0, 1, 2);
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 60 }).chain((bytes) => fc.constant(bytes.map((one) => one % 3))),
      fc.array(byte, { minLength: 1, maxLength: 3 }),
      fc.nat(5),
      fc.integer({ min: 1, max: 8 }),
      fc.nat(8),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
      (bytes, find, before, after, more, sizes) => {
        const text = Buffer.from(bytes);
        const needle = Buffer.from(find);
        const expected: unknown[] = [];
        for (let at = text.indexOf(needle); at >= 0; at = text.indexOf(needle, at + 1)) {
          const [first, last] = [Math.max(0, at - before), at + Math.max(after, after + more)];
          expected.push([at, text.subarray(first, last).toString('hex'), at - first]);
        }
        const found: unknown[] = [];
        const asked = new Set<number>();
        const search = new StreamSearch([
          {
            ...{ find: needle, before, after },
            found(around, at, offset) {
              if (more > 0 && !asked.has(offset)) {
                asked.add(offset);
                return after + more;
              }
              found.push([offset, around.toString('hex'), at]);
              return false;
            },
          },
        ]);
        for (let at = 0, i = 0; at < text.length; i++) {
          const size = sizes[i % sizes.length]!;
          search.write(text.subarray(at, at + size));
          at += size;
        }
        search.end();
        const inOrder = found.sort((a, b) => (a as [number])[0] - (b as [number])[0]);
        expect(inOrder).toEqual(expected);
      },
    ),
  );
});

test('a search ends when it is told so', () => {
  let count = 0;
  const search = new StreamSearch([
    { find: Buffer.from('a'), before: 0, after: 1, found: () => ++count === 2 },
  ]);
  search.write(Buffer.from('aaaa'));
  search.write(Buffer.from('aaaa'));
  expect(count).toBe(2);
});
