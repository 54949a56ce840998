import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { closest } from '../../../src/errors/closest.ts';

describe('closest', () => {
  const commands = ['build', 'run', 'images', 'history', 'inspect'];

  test.each([
    ['biuld', 'build'],
    ['buld', 'build'],
    ['builds', 'build'],
    ['BUILD', 'build'],
    ['histroy', 'history'],
    ['image', 'images'],
    ['rum', 'run'],
  ])('%s means %s', (typed, meant) => {
    expect(closest(typed, commands)).toBe(meant);
  });

  test.each(['deploy', 'x', '', 'zzzzz'])('nothing is near "%s"', (typed) => {
    expect(closest(typed, commands)).toBeUndefined();
  });

  test('a word is nearest to itself', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ minLength: 1 }), { minLength: 1 }), (words) => {
        const word = words[words.length - 1]!;
        expect(closest(word, words)?.toLowerCase()).toBe(word.toLowerCase());
      }),
    );
  });
});
