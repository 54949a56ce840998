import fc from 'fast-check';
import { expect, test } from 'vitest';
import { searchBlock, searchText } from '../../../src/secrets/block-search.ts';
import { secretKinds } from '../../../src/secrets/secret-kinds.ts';

const ANCHORS = secretKinds().flatMap(({ anchors }) => anchors);
/** Whole secrets; no real one is among them. */
const TOKENS = [
  'dckr_pat_a1B2c3D4e5F6g7H8i9J0k1L2',
  'AKIAQ3EXAMPL7XQ2ZW4K',
  'postgres://app:s7fKq93nVb@db.internal:5432/app',
  'sk_live_4eC39HqLyjWDarjtT1zdp7dc',
  'DB_PASSWORD="hK8s!2mQz91x"',
  'npm_abcdefghijklmnopqrstuvwxyz0123456789',
];

test('finds in a short text what it finds in a long one', () => {
  const piece = fc.oneof(
    fc.constantFrom(...TOKENS),
    fc.constantFrom(...ANCHORS),
    fc
      .tuple(fc.constantFrom(...ANCHORS), fc.nat(20), fc.nat(20))
      .map(([anchor, from, to]) => anchor.slice(from % anchor.length, to)),
    fc.string({ maxLength: 40 }),
    fc.constantFrom(' ', '\n', '=', '"', '://', ':', '@', 'ü'),
  );
  let found = 0;
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 16 }), (pieces) => {
      const text = pieces.join('');
      const hits = searchText(text);
      found += hits.length;
      expect(hits).toEqual(searchBlock(Buffer.from(`${text}${'\n'.repeat(8192)}`), 'value'));
    }),
    { numRuns: 1000 },
  );
  expect(found).toBeGreaterThan(100);
});
