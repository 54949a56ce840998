import fc from 'fast-check';
import { expect, test } from 'vitest';
import { starMatcher } from '../../../src/fields/star-pattern.ts';

const unit = fc.constantFrom('a', 'b', '*', '.', '\n', '\u2028', '^', '$', '\\', '[');
const text = fc.string({ unit, maxLength: 12 });

test('matches what a regular expression matches', () => {
  let matched = 0;
  const pattern = fc.array(fc.oneof(text, fc.constant('*')), { maxLength: 4 }).map((parts) => parts.join(''));
  const filled = fc
    .tuple(pattern, fc.array(text, { minLength: 1 }), fc.boolean())
    .map(([typed, fillings, isFilled]): [string, string] => {
      let at = 0;
      const fill = () => fillings[at++ % fillings.length]!;
      return [typed, isFilled ? typed.replaceAll('*', fill) : fill()];
    });
  fc.assert(
    fc.property(filled, fc.boolean(), fc.boolean(), ([typed, within], isAtStart, isAtEnd) => {
      const parts = typed.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
      const expected = new RegExp(`${isAtStart ? '^' : ''}${parts.join('.*')}${isAtEnd ? '$' : ''}`, 's');
      const is = starMatcher(typed, { isAtStart, isAtEnd })(within);
      expect(is).toBe(expected.test(within));
      if (isAtStart && isAtEnd) expect(starMatcher(typed)(within)).toBe(is);
      if (is) matched++;
    }),
    { numRuns: 2000 },
  );
  expect(matched).toBeGreaterThan(200);
});

test('takes linear time', () => {
  const began = performance.now();
  expect(starMatcher(`${'a*'.repeat(50)}b`)('a'.repeat(100_000))).toBe(false);
  expect(performance.now() - began).toBeLessThan(1000);
});
