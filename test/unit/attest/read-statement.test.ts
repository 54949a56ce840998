import fc from 'fast-check';
import { expect, test } from 'vitest';
import { imageSubjects, statementOf } from '../../../src/attest/in-toto.ts';
import { isAbout, readStatement } from '../../../src/attest/read-statement.ts';
import { JettisonError } from '../../../src/errors/error.ts';
import type { Digest } from '../../../src/image/digest.ts';

const MANIFEST: Digest = `sha256:${'a'.repeat(64)}`;
const AMD64 = { os: 'linux', architecture: 'amd64' };
const whole = statementOf('https://x.example/y', { a: 1 }, imageSubjects([], AMD64, MANIFEST));
const read = (value: unknown) => readStatement(Buffer.from(JSON.stringify(value)), 'it');

test('reads a statement, and which image it is about', () => {
  const statement = read(whole);
  expect(statement).toMatchObject({ predicateType: 'https://x.example/y', predicate: { a: 1 } });
  expect(isAbout(statement, MANIFEST)).toBe(true);
  expect(isAbout(statement, `sha256:${'b'.repeat(64)}`)).toBe(false);
});

test('reads statements of version 0.1, which older builders write', () => {
  expect(read({ ...whole, _type: 'https://in-toto.io/Statement/v0.1' }).predicate).toEqual({ a: 1 });
});

test.each([
  [[], 'it is not an object'],
  [{ ...whole, _type: 'https://in-toto.io/Statement/v2' }, 'it is not an in-toto statement'],
  [{ ...whole, predicateType: 1 }, 'its predicateType is not a text'],
  [{ ...whole, predicate: 'x' }, 'its predicate is not an object'],
  [{ ...whole, subject: {} }, 'its subject is not a list'],
])('refuses %j', (value, message) => {
  expect(() => read(value)).toThrow(message);
});

test('any bytes are read or refused with an error of ours', () => {
  const members = fc.record(
    {
      _type: fc.constant(whole._type),
      predicateType: fc.string(),
      subject: fc.jsonValue(),
      predicate: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  const texts = fc.oneof(
    fc.string(),
    fc.json(),
    members.map((value) => JSON.stringify(value)),
  );
  fc.assert(
    fc.property(texts, (text) => {
      try {
        expect(typeof readStatement(Buffer.from(text), 'it').predicate).toBe('object');
      } catch (error) {
        expect(error).toBeInstanceOf(JettisonError);
      }
    }),
  );
});
