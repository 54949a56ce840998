import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseDockerfile, parseInstructions, printDockerfile } from '../../../src/dockerfile/parse.ts';
import { JettisonError } from '../../../src/errors/error.ts';

/** How many inputs; the nightly run asks for more. */
const RUNS = Number(process.env['JETTISON_FUZZ_RUNS'] ?? 5000);
/** Milliseconds: generous, for a slow machine under load. */
const TIMEOUT = 60_000 + 10 * RUNS;

const KEYWORDS =
  'ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER VOLUME WORKDIR from Run FOO'.split(
    ' ',
  );
const PIECES = [
  ...[
    'a',
    'b=c',
    '/x/',
    '.',
    '$v',
    '${v:-w}',
    '${v',
    '"q r"',
    "'s",
    '\\',
    '\\"',
    '[',
    ']',
    '["a", "b"]',
    '[1]',
    ',',
  ],
  ...[
    '--from=a',
    '--chown=1:2',
    '--link',
    '--mount=type=cache,target=/x',
    '--platform=$P',
    '--',
    '--x',
    '--=',
  ],
  ...[
    '<<EOF',
    '<<-EOF',
    '<<"E F"',
    '<< EOF',
    '3<<X',
    '<<',
    'EOF',
    'AS',
    'as',
    'CMD',
    'NONE',
    '--interval=3s',
    '#',
    '80/tcp',
  ],
  ...['é', '\u00a0', '\u2028', '😀', '\ud800', '\0', '`', '='],
];
const ENDS = ['\n', '\n', '\n', '\r\n', ' \\\n', ' \\ \t\n', ' `\n', '\n\n', '\r', ''];

const line = fc
  .tuple(
    fc.constantFrom('', '', '', ' ', '\t', '# ', '#'),
    fc.constantFrom(...KEYWORDS, ''),
    fc.array(fc.constantFrom(...PIECES), { maxLength: 5 }),
    fc.constantFrom(' ', ' ', '\t', '', '\v'),
    fc.constantFrom(...ENDS),
  )
  .map(([indent, keyword, words, gap, end]) => `${indent}${[keyword, ...words].join(gap)}${end}`);
const head = fc.constantFrom(
  '',
  '',
  '\ufeff',
  '# escape=`\n',
  '# check=skip=all\n',
  '# syntax=x\n',
  '\n',
  '#!x\n',
);
const heredoc = fc.constantFrom(
  'RUN <<EOF\na\nEOF\n',
  'COPY <<-a <<"b" /\n\tx\n\ta\nb\n',
  'ONBUILD RUN cat <<EOF\nEOF\n',
);
const generated = fc
  .tuple(
    head,
    fc.constantFrom('FROM a\n', 'FROM a AS b\n', ''),
    fc.array(fc.oneof(line, line, heredoc), { maxLength: 8 }),
  )
  .map(([start, from, lines]) => start + from + lines.join(''));

/** A text with some of its characters lost, doubled, exchanged or followed by others. */
const mutated = fc
  .tuple(
    generated,
    fc.array(fc.tuple(fc.nat(), fc.nat(3), fc.constantFrom(...PIECES, ...ENDS)), { maxLength: 4 }),
  )
  .map(([text, mutations]) =>
    mutations.reduce((result, [place, size, piece]) => {
      const at = place % (result.length + 1);
      return result.slice(0, at) + piece + result.slice(at + size);
    }, text),
  );
const anything = fc.string({ unit: 'binary', maxLength: 60 });

test('any text is printed back unchanged, or rejected with an error', { timeout: TIMEOUT }, () => {
  let accepted = 0;
  const property = fc.property(fc.oneof(generated, mutated, anything), (text) => {
    try {
      const file = parseDockerfile(text, 'Dockerfile');
      accepted++;
      expect(printDockerfile(file)).toBe(text);
      const lines = text.split('\n').length;
      for (const { location } of file.stages.flatMap((stage) => [stage.from, ...stage.instructions])) {
        expect(location.line >= 1 && (location.endLine ?? location.line) <= lines).toBe(true);
      }
    } catch (error) {
      if (!(error instanceof JettisonError)) throw error;
      expect(error.hint).toBeTruthy();
    }
  });
  fc.assert(property, { numRuns: RUNS });
  // The generator is of little use when hardly anything that it makes is a Dockerfile.
  expect(accepted).toBeGreaterThan(RUNS / 20);
});

test('any trigger of a base image is either an instruction or refused in plain words', {
  timeout: TIMEOUT,
}, () => {
  const origin = { location: { file: 'Dockerfile', line: 1, column: 1 }, source: 'FROM x' };
  const property = fc.property(fc.oneof(line, heredoc, mutated), (text) => {
    try {
      expect(parseInstructions(text, origin)).toHaveLength(1);
    } catch (error) {
      if (!(error instanceof JettisonError)) throw error;
      expect(error.code).toBe('ONBUILD_TRIGGER');
    }
  });
  fc.assert(property, { numRuns: Math.ceil(RUNS / 5) });
});
