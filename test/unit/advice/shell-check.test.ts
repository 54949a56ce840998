import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lint } from '../../../src/build/lint.ts';
import { LINTED_ON } from '../../support/linted.ts';
import { tempDir } from '../../support/temp-dir.ts';

const DOCKERFILE = `FROM debian:12-slim AS build
ENV NAME=b
RUN echo $NAME \\
    # a comment
    && echo $OTHER
# hadolint ignore=SC2086
RUN echo $OTHER
RUN ["echo", "$OTHER"]
`;

/** Stands for shellcheck: finds each \`$\` that no quote is before, and keeps its arguments and what it read. */
const PROGRAM = `#!${process.execPath}
const { readFileSync, writeFileSync } = require('node:fs');
const files = process.argv.slice(2).filter((arg) => !arg.startsWith('-'));
const texts = files.map((file) => readFileSync(file, 'utf8'));
writeFileSync(process.env.SEEN ?? __dirname + '/seen.json', JSON.stringify({ args: process.argv.slice(2), texts }));
const found = files.flatMap((file, nth) =>
  texts[nth].split('\\n').flatMap((line, at) =>
    line.includes('$') ? [{ file, line: at + 1, column: line.indexOf('$') + 1, level: 'info', code: 2086, message: 'Double quote.' }] : [],
  ),
);
console.log(JSON.stringify(found));
process.exit(1);
`;

async function linted(program: string | undefined, shell?: boolean) {
  const context = tempDir();
  writeFileSync(join(context, 'Dockerfile'), DOCKERFILE);
  if (program !== undefined) {
    writeFileSync(join(context, 'shellcheck'), program);
    chmodSync(join(context, 'shellcheck'), 0o755);
  }
  const options = {
    context,
    env: { PATH: context },
    today: LINTED_ON,
    ...(shell !== undefined && { shell }),
  };
  const { findings } = await lint(options);
  const scripts = findings.filter(({ code }) => code.startsWith('SC'));
  return { context, scripts };
}

test('scripts of RUN are shown to shellcheck, each line where the Dockerfile has it', async () => {
  const { context, scripts } = await linted(PROGRAM);
  const places = scripts.map(({ code, severity, location, message }) => [
    code,
    severity,
    location.line,
    location.column,
    message,
  ]);
  expect(places).toEqual([
    ['SC2086', 'info', 3, 10, 'Double quote'],
    ['SC2086', 'info', 5, 13, 'Double quote'],
  ]);
  const { args, texts } = JSON.parse(readFileSync(join(context, 'seen.json'), 'utf8'));
  expect(args).toContain('--shell=sh');
  expect(texts[0]).toBe('export NAME=1\necho $NAME \\\n\\\n    && echo $OTHER\n');
});

test('without shellcheck, or with one that fails, there are no findings of it', async () => {
  expect((await linted(undefined)).scripts).toEqual([]);
  expect((await linted('#!/bin/sh\necho no json; exit 3\n')).scripts).toEqual([]);
  expect((await linted(PROGRAM, false)).scripts).toEqual([]);
});
