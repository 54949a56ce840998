import fc from 'fast-check';
import { expect, test } from 'vitest';
import { JettisonError, type JettisonErrorOptions } from '../../../src/errors/error.ts';

const word = fc.stringMatching(/^[a-z]{1,8}$/);
const parts: fc.Arbitrary<JettisonErrorOptions> = fc.record(
  {
    hint: word,
    location: fc.record({ file: word, line: fc.nat(), column: fc.nat() }),
    source: word,
    sourceLine: fc.nat(),
    exitCode: fc.constantFrom(1, 2, 130),
    cause: fc.oneof(
      word.map((text) => new Error(text)),
      word,
    ),
    details: fc.dictionary(word, fc.oneof(word, fc.nat())),
  },
  { requiredKeys: [] },
);
const names = fc.record({ code: word, message: word }, { requiredKeys: [] });

/** Everything that an error says. */
const factsOf = ({
  code,
  message,
  hint,
  location,
  source,
  sourceLine,
  exitCode,
  cause,
  details,
}: JettisonError) => ({
  code,
  message,
  hint,
  location,
  source,
  sourceLine,
  exitCode,
  cause,
  details,
});

test('with() replaces the parts that are given, and keeps all others', () => {
  fc.assert(
    fc.property(word, word, parts, names, parts, (code, message, options, renamed, replaced) => {
      const error = new JettisonError(code, message, options);
      const before = factsOf(error);
      const copy = error.with({ ...renamed, ...replaced });
      expect(factsOf(copy)).toEqual({ ...before, ...renamed, ...replaced });
      expect(copy).toBeInstanceOf(JettisonError);
      expect(factsOf(error)).toEqual(before);
      expect(factsOf(error.with({}))).toEqual(before);
      expect(factsOf(new JettisonError(code, message, error.options))).toEqual(before);
    }),
  );
});

test('with() masks credentials in new parts', () => {
  const copy = new JettisonError('CODE', 'plain').with({ message: 'https://user:word@example.com/ fails' });
  expect(copy.message).not.toContain('word');
});
