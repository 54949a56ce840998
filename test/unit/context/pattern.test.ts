import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compilePattern, compileWildcard, PatternError } from '../../../src/context/pattern.ts';

/** Pieces of patterns with what they are as regular expressions: for `.dockerignore`, and for COPY. */
const PIECES: [piece: string, pattern: string, wildcard: string][] = [
  ['a', 'a', 'a'],
  ['b', 'b', 'b'],
  ['/', '/', '/'],
  ['.', '\\.', '\\.'],
  ['😀', '😀', '😀'],
  ['\\*', '\\*', '\\*'],
  ['?', '[^/]', '[^/]'],
  ['[a-b]', '[a-b]', '[a-b]'],
  ['[^a]', '[^a]', '(?!/)[^a]'],
  ['*', '[^/]*', '[^/]*'],
  ['**/', '(?:.*/)?', '[^/]*[^/]*/'],
];

const pattern = fc
  .array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 7 })
  // Two stars in a row are one piece of its own, and ** with its slash stands at the beginning or behind a slash.
  .filter((pieces) =>
    pieces.every(
      ([piece], i) =>
        (!piece.startsWith('*') || !pieces[i - 1]?.[0].startsWith('*')) &&
        (piece !== '**/' || (i < pieces.length - 1 && (i === 0 || pieces[i - 1]![0] === '/'))),
    ),
  );
const path = fc.array(fc.constantFrom('a', 'b', '/', '.', '😀', '*', 'c', '\n'), { maxLength: 8 });

describe('patterns', () => {
  test('match the same as an equivalent regular expression', () => {
    fc.assert(
      fc.property(pattern, path, (pieces, characters) => {
        const written = pieces.map(([piece]) => piece).join('');
        const text = characters.join('');
        const regex = new RegExp(`^${pieces.map(([, expression]) => expression).join('')}$`, 'us');
        const wildcard = new RegExp(`^${pieces.map(([, , expression]) => expression).join('')}$`, 'us');
        expect(compilePattern(written).matches(text)).toBe(regex.test(text));
        expect(compileWildcard(written)(text)).toBe(wildcard.test(text));
      }),
      { numRuns: Number(process.env['JETTISON_PATTERN_RUNS'] ?? 3000) },
    );
  });

  // A backtracking matcher takes hours for each of these.
  test.each([
    `${'*a'.repeat(40)}[b]`,
    `${'**/a/'.repeat(40)}[b]`,
    `${'**a'.repeat(40)}[b]`,
    `${'*a*'.repeat(40)}b`,
    `${'*?'.repeat(40)}[b]`,
    `${'**/*'.repeat(20)}[b]`,
  ])('are decided without trying every way: %s', (written) => {
    for (const text of ['a'.repeat(4000), 'a/'.repeat(2000)]) {
      expect(compilePattern(written).matches(text)).toBe(false);
      expect(compileWildcard(written)(text)).toBe(false);
    }
  });

  test.each(['[', '[]', '[a-]', 'a\\'])('are refused when they are not well-formed: %s', (written) => {
    expect(() => compilePattern(written)).toThrow(PatternError);
    expect(() => compileWildcard(written)).toThrow(PatternError);
  });
});
