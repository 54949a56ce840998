import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonPieces } from '../../../src/report/json-pieces.ts';

test('pieces are the text that JSON.stringify gives', () => {
  fc.assert(
    fc.property(
      fc.anything({ withDate: true, withNullPrototype: true, maxDepth: 6 }),
      fc.constantFrom(0, 2),
      (value, indent) => {
        const whole = JSON.stringify(value, undefined, indent) ?? 'null';
        expect([...jsonPieces(value, indent)].join('')).toBe(whole);
      },
    ),
  );
});

test('a generator is a list, and a long one comes in several pieces', () => {
  function* numbers() {
    for (let at = 0; at < 50_000; at++) yield { at };
  }
  const pieces = [...jsonPieces({ numbers: numbers() })];
  expect(pieces.length).toBeGreaterThan(5);
  expect(pieces.join('')).toBe(JSON.stringify({ numbers: [...numbers()] }));
});
