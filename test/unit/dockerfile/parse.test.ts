import { describe, expect, test } from 'vitest';
import { parseInstructions, printDockerfile } from '../../../src/dockerfile/parse.ts';
import { runScript } from '../../../src/dockerfile/run-script.ts';
import { JettisonError } from '../../../src/errors/error.ts';
import { only, parse, refusal } from './support.ts';

describe('a file', () => {
  const TEXT = `\ufeff# syntax=docker/dockerfile:1

# BASE is what all stages begin with
ARG BASE=node:20
FROM $BASE AS Build
# a comment
RUN <<EOF
# not a comment
EOF
\t
from build
COPY --from=BUILD /app \\
  # inside
  /app
`;

  test('falls into globals and stages', () => {
    const { globals, stages } = parse(TEXT);
    expect(globals.map(({ args, comments }) => [args[0]!.name.text, comments])).toEqual([
      ['BASE', ['BASE is what all stages begin with']],
    ]);
    expect(stages.map(({ index, name, from }) => [index, name, from.image.text, from.keyword])).toEqual([
      [0, 'build', '$BASE', 'FROM'],
      [1, undefined, 'build', 'from'],
    ]);
    expect(stages.map(({ instructions }) => instructions.map(({ kind }) => kind))).toEqual([
      ['RUN'],
      ['COPY'],
    ]);
  });

  test('the parts of a file together are its text', () => {
    const file = parse(TEXT);
    expect(file.parts.map(({ kind }) => kind)).toEqual([
      'directive',
      'blank',
      'comment',
      ...['instruction', 'instruction'],
      'comment',
      'instruction',
      'blank',
      ...['instruction', 'instruction'],
    ]);
    expect(printDockerfile(file)).toBe(TEXT);
  });

  test('an instruction keeps its source', () => {
    expect(parse(TEXT).stages[0]!.instructions[0]!.source).toBe('RUN <<EOF\n# not a comment\nEOF');
    expect(parse('\ufeffFROM x').stages[0]!.from.source).toBe('FROM x');
  });

  test.each([
    ['', 'DOCKERFILE_EMPTY'],
    ['# only this\n\n', 'DOCKERFILE_EMPTY'],
    ['\ufeff', 'DOCKERFILE_EMPTY'],
    ['ARG a=1\n', 'NO_BUILD_STAGE'],
    ['ARG a=1\nRUN x\nFROM y\n', 'NO_BUILD_STAGE'],
    ['FROM x\n\\\n', 'UNKNOWN_INSTRUCTION'],
    ['FROM scratch\rLABEL a=b\n', 'DOCKERFILE_SYNTAX'],
  ])('%j is refused', (text, code) => {
    expect(refusal(text).code).toBe(code);
  });

  test('every refusal says where, shows the lines and helps', () => {
    const error = refusal('FROM scratch\nRUN a \\\n  b\nCOPPY \\\n  a b\n');
    expect(error).toMatchObject({
      code: 'UNKNOWN_INSTRUCTION',
      message: 'unknown instruction "COPPY"',
      hint: 'Did you mean COPY?',
      location: { file: 'Dockerfile', line: 4, column: 1 },
      source: 'COPPY \\\n  a b',
      exitCode: 1,
    });
  });
});

describe("a base image's trigger", () => {
  const location = { file: 'Dockerfile', line: 7, column: 1 };
  const origin = { location, source: 'FROM base' };

  test('is an instruction whose place is the FROM', () => {
    const [copy] = parseInstructions('COPY <<a b /x/\nhi\na', origin);
    expect(copy).toMatchObject({
      kind: 'COPY',
      location,
      source: 'FROM base',
      sources: [{ text: 'b', location }],
      heredocs: [{ name: 'a', body: 'hi\n', location }],
    });
  });

  test.each([
    '',
    '# x',
    'FROM x',
    'MAINTAINER x',
    'ONBUILD RUN x',
    'RUN a\nRUN b',
    'COPY x',
    'FOO',
    '# escape=`',
  ])('%j is refused', (text) => {
    expect(() => parseInstructions(text, origin)).toThrow(JettisonError);
    expect(() => parseInstructions(text, origin)).toThrow(
      expect.objectContaining({ code: 'ONBUILD_TRIGGER', location, source: 'FROM base' }),
    );
  });

  test('is written as ONBUILD stores it', () => {
    for (const text of ['COPY <<a b /x/\nhi\na', 'RUN <<-A <<B\n\ta\nA\nB', 'RUN echo  a', 'run <<x\nx']) {
      const onbuild = only('ONBUILD', `ONBUILD  ${text}`);
      expect(onbuild.text).toBe(text);
      const [parsed] = parseInstructions(onbuild.text, origin);
      expect(parsed?.kind).toBe(onbuild.trigger?.kind);
    }
    expect(only('ONBUILD', 'onbuild \\\n  RUN a \\\n  b').text).toBe('RUN a   b');
  });
});

describe('the command of RUN', () => {
  test.each([
    ['RUN echo  $a', { kind: 'shell', text: 'echo  $a' }],
    ['RUN ["a", "b c"]', { kind: 'exec', args: ['a', 'b c'] }],
    ["RUN ['a']", { kind: 'shell', text: "['a']" }],
    ['RUN', { kind: 'shell', text: '' }],
    ['RUN <<EOF\na\nb\nEOF', { kind: 'shell', text: 'a\nb\n' }],
    ['RUN <<-EOF\n\ta\nEOF', { kind: 'shell', text: 'a\n' }],
    ['RUN <<X\n#!/usr/bin/env node\na\nX', { kind: 'file', name: 'X', data: '#!/usr/bin/env node\na\n' }],
    ['RUN <<-X\n\t#!/bin/sh\nX', { kind: 'file', name: 'X', data: '#!/bin/sh\n' }],
    ['RUN <<X\n\t#!/bin/sh\nX', { kind: 'shell', text: '\t#!/bin/sh\n' }],
    ['RUN <<EOF cat\na\nEOF', { kind: 'shell', text: '<<EOF cat\na\nEOF' }],
    ['RUN cat <<-A <<B\n\ta\nA\nb\nB', { kind: 'shell', text: 'cat <<-A <<B\n\ta\nA\nb\nB' }],
  ])('%j', (text, expected) => {
    expect(runScript(only('RUN', text))).toEqual(expected);
  });
});
