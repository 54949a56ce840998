import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AnchorSearch } from '../../../src/secrets/anchor-search.ts';

test('finds what a search for each anchor finds', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '_'), maxLength: 400 });
  const anchor = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '_'), minLength: 4, maxLength: 8 });
  fc.assert(
    fc.property(text, fc.uniqueArray(anchor, { minLength: 1, maxLength: 12 }), (content, anchors) => {
      const found: [number, number][] = [];
      new AnchorSearch(anchors).search(Buffer.from(content), (at, index) => found.push([at, index]));
      const expected = anchors.flatMap((one, index) =>
        [...content].flatMap((_, at): [number, number][] =>
          content.startsWith(one, at) ? [[at, index]] : [],
        ),
      );
      const sorted = (list: [number, number][]) => list.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
      expect(sorted(found)).toEqual(sorted(expected));
    }),
  );
});

test('finds the same in a short text and at the beginning of a long one', () => {
  const unit = fc.constantFrom('a', 'b', 'c', '_', '\u00e9', '\0');
  const anchor = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '_'), minLength: 4, maxLength: 8 });
  fc.assert(
    fc.property(
      fc.string({ unit, maxLength: 400 }),
      fc.uniqueArray(anchor, { minLength: 1, maxLength: 12 }),
      (content, anchors) => {
        const search = new AnchorSearch(anchors);
        const found = (text: string) => {
          const places: [number, number][] = [];
          search.search(Buffer.from(text), (at, index) => places.push([at, index]));
          return places;
        };
        expect(found(content)).toEqual(found(content + '.'.repeat(8192)));
      },
    ),
  );
});

test('refuses anchors that are too short', () => {
  expect(() => new AnchorSearch(['abc'])).toThrow(RangeError);
});
