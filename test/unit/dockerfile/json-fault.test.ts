import { describe, expect, it } from 'vitest';
import { parseDockerfile } from '../../../src/dockerfile/parse.ts';
import { JettisonError } from '../../../src/errors/error.ts';

const CASES: [json: string, message: string, column: number][] = [
  ['["a" "b"]', 'a comma is missing', 5],
  ['["a", "b" "c"]', 'a comma is missing', 10],
  ["['a']", 'strings need double quotes', 1],
  ['["a", b]', 'an element is not a string in double quotes', 6],
  ['["a",]', 'there is a comma before its closing bracket', 5],
  ['["a",,"b"]', 'there is no element before a comma', 5],
  ['["a", "b"', 'its closing bracket is missing', 8],
  ['["a"] # why', 'there is text after its closing bracket', 6],
  ['["\\x"]', 'a string in it is not JSON', 0],
];

describe('the fault in an array that is not JSON', () => {
  it.each(CASES)('%s: %s', (json, message, column) => {
    const { diagnostics } = parseDockerfile(`FROM scratch\nCMD ${json}\n`, 'Dockerfile');
    expect(diagnostics).toMatchObject([
      { code: 'JSONArgsRecommended', location: { line: 2, column: 5 + column } },
    ]);
    expect(diagnostics[0]!.message).toContain(message);
    const shell = () => parseDockerfile(`FROM scratch\nSHELL ${json}\n`, 'Dockerfile');
    expect(shell).toThrow(JettisonError);
    expect(shell).toThrow(message);
    expect(shell).toThrow(
      expect.objectContaining({ location: expect.objectContaining({ column: 7 + column }) }),
    );
  });

  it('is found on its line', () => {
    const { diagnostics } = parseDockerfile('FROM scratch\nCMD ["a", \\\n  "b" \\\n  "c"]\n', 'Dockerfile');
    expect(diagnostics[0]).toMatchObject({ location: { line: 4, column: 3 } });
  });

  it('is not looked for where a shell command begins otherwise', () => {
    const { diagnostics } = parseDockerfile('FROM scratch\nCMD echo ["a" "b"]\n', 'Dockerfile');
    expect(diagnostics[0]!.message).toContain('signals do not reach it');
  });
});
