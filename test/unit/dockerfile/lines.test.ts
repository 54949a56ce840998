import { describe, expect, test } from 'vitest';
import { printDockerfile } from '../../../src/dockerfile/parse.ts';
import { only, parse, refusal } from './support.ts';

const labels = (text: string) => {
  const { pairs } = only('LABEL', text);
  return pairs.map(({ key, value }) => `${key.text}=${value.text}`);
};

describe('lines', () => {
  test.each([
    ['LABEL a=b \\\n c=d', ['a=b', 'c=d']],
    ['LABEL a=b \\  \t\n c=d', ['a=b', 'c=d']],
    ['LABEL a=b \\\r\n c=d\r', ['a=b', 'c=d']],
    ['LABEL a=b \\\n  # a comment \\\n  c=d', ['a=b', 'c=d']],
    ['LABEL a=b \\\n\n  c=d', ['a=b', 'c=d']],
    ['LABEL a=b\\\nc=d', ['a=bc=d']],
    ['LABEL a=b\\\\', ['a=b\\\\']],
    ['\\\nLABEL a=b', ['a=b']],
    ['  LABEL\ta=b', ['a=b']],
    ['LABEL\va=b', ['a=b']],
    ['LABEL a=b \\', ['a=b']],
    ['LABEL a=b\u00a0c=d', ['a=b', 'c=d']],
    ['LABEL a=b # c=d', 'refused'],
  ])('%j', (text, expected) => {
    if (expected === 'refused') expect(refusal(`FROM scratch\n${text}`).code).toBe('PAIR_INVALID');
    else expect(labels(text)).toEqual(expected);
  });

  test('an escaped escape character continues nothing', () => {
    expect(refusal('FROM scratch\nLABEL a=b\\\\\\\nc=d').code).toBe('UNKNOWN_INSTRUCTION');
  });

  test('words know their line and column, also behind a continuation', () => {
    const { sources, destination, flags, location } = only(
      'COPY',
      ' COPY --chown=1:1 \\\n  # x\n  a \\\n\tb c/',
    );
    expect(location).toEqual({ file: 'Dockerfile', line: 2, column: 2, endLine: 5 });
    expect(flags[0]!.location).toEqual({ file: 'Dockerfile', line: 2, column: 7 });
    expect(flags[0]!.value).toEqual({ text: '1:1', location: { file: 'Dockerfile', line: 2, column: 15 } });
    expect(sources.map((word) => [word.text, word.location.line, word.location.column])).toEqual([
      ['a', 4, 3],
      ['b', 5, 2],
    ]);
    expect(destination.location).toEqual({ file: 'Dockerfile', line: 5, column: 4 });
  });

  test('strings of the JSON form know their column', () => {
    const { sources, destination } = only('COPY', 'COPY [ "a\\"b", "c d" , "e" ]');
    expect([...sources, destination].map((word) => [word.text, word.location.column])).toEqual([
      ['a"b', 8],
      ['c d', 16],
      ['e', 24],
    ]);
  });

  test('a line may have 65535 bytes', () => {
    const label = (length: number) => `LABEL a=${'x'.repeat(length - 'LABEL a='.length)}`;
    expect(() => parse(`FROM scratch\n${label(65535)}\n`)).not.toThrow();
    const { code, location } = refusal(`FROM scratch\n${label(65536)}\n`);
    expect([code, location?.line]).toEqual(['LINE_TOO_LONG', 2]);
    expect(refusal(`FROM scratch\nLABEL a=${'é'.repeat(40000)}\n`).code).toBe('LINE_TOO_LONG');
  });
});

describe('directives', () => {
  const continued = 'FROM scratch\nLABEL a=b`\n c=d\n';

  test.each([
    '# escape=`\n',
    '#ESCAPE = `  \n',
    '  # escape=`\n',
    '\ufeff# escape=`\n',
    '# syntax=docker/dockerfile:1\n# escape=`\n',
    '# escape=`\r\n',
  ])('%j sets the escape character', (head) => {
    const file = parse(head + continued);
    expect(file.directives.escape).toBe('`');
    expect(printDockerfile(file)).toBe(head + continued);
  });

  test.each([
    '\n# escape=`\n',
    '# a comment\n# escape=`\n',
    '# other=1\n# escape=`\n',
    '#!/bin/x\n# escape=`\n',
  ])('%j does not: it is a comment there', (head) => {
    expect(refusal(head + continued).code).toBe('UNKNOWN_INSTRUCTION');
  });

  test('reads all three', () => {
    const file = parse(
      '# syntax=docker/dockerfile:1\n# check=skip=A, B;error=true // why\n# escape=\\\nFROM x\n',
    );
    expect(file.directives).toEqual({
      syntax: 'docker/dockerfile:1',
      check: 'skip=A, B;error=true // why',
      escape: '\\',
    });
    expect(file.checks).toEqual({ skip: ['A', 'B'], error: true, experimental: [] });
  });

  test.each([
    ['# escape=`\n# escape=`\n', 'DIRECTIVE_INVALID', 2],
    ['# escape=x\n', 'DIRECTIVE_INVALID', 1],
    ['# check=foo\n', 'CHECK_OPTION', 1],
    ['# check=foo=bar\n', 'CHECK_OPTION', 1],
    ['# syntax=x\n# check=error=perhaps\n', 'CHECK_OPTION', 2],
  ])('%j is refused', (head, code, line) => {
    const error = refusal(`${head}FROM scratch\n`);
    expect([error.code, error.location?.line]).toEqual([code, line]);
  });
});

describe('here-documents', () => {
  test.each([
    ['RUN <<EOF\nhi $x\nEOF', [{ name: 'EOF', expand: true, stripTabs: false, body: 'hi $x\n' }]],
    ['RUN <<"EOF"\nhi\nEOF', [{ name: 'EOF', expand: false, stripTabs: false, body: 'hi\n' }]],
    ["RUN <<E'O'F\nhi\nEOF", [{ name: 'EOF', expand: false, stripTabs: false, body: 'hi\n' }]],
    ['RUN << EOF\nEOF', [{ name: 'EOF', expand: true, stripTabs: false, body: '' }]],
    [
      'RUN <<-EOF\n\ta\n\t\tb\n  c\n\tEOF',
      [{ name: 'EOF', expand: true, stripTabs: true, body: 'a\nb\n  c\n', raw: '\ta\n\t\tb\n  c\n' }],
    ],
    [
      'RUN cat <<A 3<<B > x\na\nA\n# b\nB',
      [
        { name: 'A', expand: true, stripTabs: false, body: 'a\n' },
        { name: 'B', expand: true, stripTabs: false, body: '# b\n' },
      ],
    ],
    [
      'RUN <<EOF\n\nEOF \n\tEOF\nEOF',
      [{ name: 'EOF', expand: true, stripTabs: false, body: '\nEOF \n\tEOF\n' }],
    ],
    ['RUN cat <<$EOF\nhi\n$EOF', [{ name: '$EOF', expand: true, stripTabs: false, body: 'hi\n' }]],
    [
      'RUN --mount=type=cache,target=/x <<EOF\nhi\nEOF',
      [{ name: 'EOF', expand: true, stripTabs: false, body: 'hi\n' }],
    ],
    ['RUN cat <<<EOF', []],
    ['RUN ["cat", "<<EOF"]', []],
    ['RUN echo 1<2 <<', []],
  ])('%j', (text, expected) => {
    const { heredocs } = only('RUN', text);
    expect(heredocs.map(({ location: _, ...heredoc }) => heredoc)).toEqual(expected);
  });

  test('of COPY they are sources beside others', () => {
    const copy = only('COPY', 'COPY a <<b c <<"d" /x/\nB\nb\nD\nd');
    expect(copy.sources.map((word) => word.text)).toEqual(['a', 'c']);
    expect(copy.heredocs.map(({ name, body, expand }) => [name, body, expand])).toEqual([
      ['b', 'B\n', true],
      ['d', 'D\n', false],
    ]);
    expect(copy.heredocs[0]!.location).toEqual({ file: 'Dockerfile', line: 2, column: 8 });
  });

  test('uses the last one of a name', () => {
    const { heredocs } = only('COPY', 'COPY <<X <<X /x/\na\nX\nb\nX');
    expect(heredocs.map(({ body }) => body)).toEqual(['b\n', 'b\n']);
  });

  test('line endings of a body are kept', () => {
    expect(only('RUN', 'RUN <<EOF\r\na\r\nEOF\r').heredocs[0]!.body).toBe('a\r\n');
  });

  test.each([
    ['RUN cat<<EOF\nhi\nEOF', 'UNKNOWN_INSTRUCTION'],
    ['RUN echo "a <<EOF\nhi\nEOF', 'UNKNOWN_INSTRUCTION'],
    ['COPY <<- EOF /x\nhi\nEOF', 'UNKNOWN_INSTRUCTION'],
    ['COPY ["<<EOF", "/x"]\nhi\nEOF', 'UNKNOWN_INSTRUCTION'],
    ['ENV a=<<EOF\nhi\nEOF', 'UNKNOWN_INSTRUCTION'],
    ['RUN cat <<EOF|cat\nhi\nEOF', 'HEREDOC_UNTERMINATED'],
    ['COPY <<EOF /x\nhi', 'HEREDOC_UNTERMINATED'],
    ['COPY a <<EOF\nhi\nEOF', 'DOCKERFILE_SYNTAX'],
  ])('%j is refused', (text, code) => {
    expect(refusal(`FROM scratch\n${text}\n`).code).toBe(code);
  });
});
