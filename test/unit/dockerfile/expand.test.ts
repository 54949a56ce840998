import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expand, expandWords, shellWords, unquote } from '../../../src/dockerfile/expand.ts';
import { JettisonError } from '../../../src/errors/error.ts';

const VARIABLES: Record<string, string> = {
  v: 'a.b.c-d/e',
  e: '',
  x: 'aXaXa',
  p: '/usr/local/bin',
  nl: 'one two',
  u8: 'héllo',
  dots: '1.2.3',
};
const lookup = (name: string) => (Object.hasOwn(VARIABLES, name) ? VARIABLES[name] : undefined);

// What a current BuildKit makes of each text.
const EXPANDED: [text: string, expanded: string][] = [
  ['$v', 'a.b.c-d/e'],
  ['${v}', 'a.b.c-d/e'],
  ['$v.x', 'a.b.c-d/e.x'],
  ['${v}x', 'a.b.c-d/ex'],
  ['$un', ''],
  ['${un}', ''],
  ['${un:-w}', 'w'],
  ['${un-w}', 'w'],
  ['${e:-w}', 'w'],
  ['${e-w}', ''],
  ['${v:+w}', 'w'],
  ['${v+w}', 'w'],
  ['${e:+w}', ''],
  ['${e+w}', 'w'],
  ['${un:+w}', ''],
  ['${un+w}', ''],
  ['${v:?x}', 'a.b.c-d/e'],
  ['${e?x}', ''],
  ['${v#a}', '.b.c-d/e'],
  ['${v#a.}', 'b.c-d/e'],
  ['${v#*.}', 'b.c-d/e'],
  ['${v##*.}', 'c-d/e'],
  ['${v%.*}', 'a.b'],
  ['${v%%.*}', 'a'],
  ['${v%-d*}', 'a.b.c'],
  ['${v#z}', 'a.b.c-d/e'],
  ['${v#}', 'a.b.c-d/e'],
  ['${v%}', 'a.b.c-d/e'],
  ['${x/X/-}', 'a-aXa'],
  ['${x//X/-}', 'a-a-a'],
  ['${x/a*X/_}', '_a'],
  ['${x//a/}', 'XX'],
  ['${x/q/z}', 'aXaXa'],
  ['${x//?/z}', 'zzzzz'],
  ['${x/*/z}', 'z'],
  ['${x//*/z}', 'z'],
  ['${x///z}', 'zazXzazXzaz'],
  ['${x//X/\\$v}', 'a\\a\\a'],
  ['${x/X/$v}', 'aa.b.c-d/eaXa'],
  ['${x/$x/q}', 'q'],
  ['${p##*/}', 'bin'],
  ['${p%/*}', '/usr/local'],
  ['${p#/}', 'usr/local/bin'],
  ['${p//\\//_}', '_usr_local_bin'],
  ['${p/\\/usr/}', '/local/bin'],
  ['${un:-${v}}', 'a.b.c-d/e'],
  ['${un:-${un2:-deep}}', 'deep'],
  ['${un:-$v$v}', 'a.b.c-d/ea.b.c-d/e'],
  ['${un:-a\\}b}', 'a}b'],
  ['\\$v', '$v'],
  ['\\\\$v', '\\a.b.c-d/e'],
  ['\\\\\\$v', '\\$v'],
  ["'$v'", '$v'],
  ['"$v"', 'a.b.c-d/e'],
  ['"\\$v"', '$v'],
  ['"a\\nb"', 'a\\nb'],
  ['a\\nb', 'anb'],
  ['"a\\"b"', 'a"b'],
  ["'a\\nb'", 'a\\nb'],
  ["a''b", 'ab'],
  ['""', ''],
  ['$', '$'],
  ['$.', '$.'],
  ['a$', 'a$'],
  ['$$', ''],
  ['$1', ''],
  ['$12', ''],
  ['$@x', 'x'],
  ['$-', ''],
  ['${@}', ''],
  ['$*', ''],
  ['$#', ''],
  ['$?', ''],
  ['$!', ''],
  ['$0x', 'x'],
  ['${1}', ''],
  ['$v_x', ''],
  ['${v:-}', 'a.b.c-d/e'],
  ['${un:-}', ''],
  ["${un:-'a b'}", 'a b'],
  ['${un:-"a b"}', 'a b'],
  ['${un:-"}"}', '}'],
  ['"${un:-\'x\'}"', 'x'],
  ['"${un:-"y"}"', 'y'],
  ['$nl', 'one two'],
  ['"$nl"', 'one two'],
  ['${u8#h?}', 'llo'],
  ['${u8%o}', 'héll'],
  ['${u8/é/e}', 'hello'],
  ['$é', ''],
  ['a<b', 'a<b'],
  ['a<<b', 'a<<b'],
  ['a<<\\ b', 'a<< b'],
  ['${v#[a]}', 'a.b.c-d/e'],
  ['${dots%%.*}', '1'],
  ['${dots//./}', '123'],
  ['${v%"-d/e"}', 'a.b.c'],
  ["${v#'a'}", '.b.c-d/e'],
  ['${x#a\\*}', 'aXaXa'],
  ['${x/X/\\}}', 'a\\}aXa'],
  ['${x//X/a\\/b}', 'aa\\/baa\\/ba'],
  ['${un/x/y}', ''],
  ['${un#x}', ''],
  ['${un%x}', ''],
  ['${v#a\\\\}', 'a.b.c-d/e'],
  ['${v#"a\\n"}', 'a.b.c-d/e'],
  ['${x##*X}', 'a'],
  ['${x#*X}', 'aXa'],
  ['${x%X*}', 'aXa'],
  ['${x%%X*}', 'a'],
];

const REFUSED = [
  '${x/\\X/q}',
  "${un:='a'}",
  '${v#\\a}',
  '${dots#*\\.}',
  '${dots//\\./_}',
  '${',
  '${}',
  '${v',
  '${v!x}',
  '${:x}',
  '${{v}',
  '"abc',
  "'abc",
  '${v:}',
  '${v:x}',
  '${v#a',
  '${v/a',
  '${v/a/b',
  '${un:-"}',
  "${v-'}",
  '${v#\\q}',
  '${v^}',
  '${#v}',
  '${v:0:1}',
  '${v=x}',
  '${v:/x/y}',
  '${v:#a}',
  '${un:%a}',
  '${-x}',
  '${v@Q}',
];

const REQUIRED: [text: string, message: string][] = [
  ['${un?}', 'un: is not set'],
  ['${un:?}', 'un: is not set'],
  ['${e:?}', 'e: is empty'],
  ['${un:?my\\ msg}', 'un: my msg'],
  ['${un?no $v}', 'un: no a.b.c-d/e'],
];

describe('expand', () => {
  test.each(EXPANDED)('%j gives %j', (text, expanded) => {
    expect(expand(text, lookup).text).toBe(expanded);
  });

  test.each(REFUSED)('%j is refused', (text) => {
    const location = { file: 'Dockerfile', line: 3, column: 7 };
    const run = () => expand(text, lookup, { location, source: text });
    expect(run).toThrow(JettisonError);
    expect(run).toThrow(expect.objectContaining({ code: 'VARIABLE_SYNTAX', location, source: text }));
  });

  test.each(REQUIRED)('%j fails with %j', (text, message) => {
    expect(() => expand(text, lookup)).toThrow(
      expect.objectContaining({ code: 'VARIABLE_REQUIRED', message }),
    );
  });

  test('a backtick escapes when the file says so, and a backslash then does not', () => {
    const options = { escape: '`' } as const;
    expect(expand('`$v \\$v "`"`$" `a', lookup, options).text).toBe('$v \\a.b.c-d/e "$ a');
  });

  test('names set and unset variables, each once, also inside other references', () => {
    const { unset, used } = expand('$v ${un:-${un2}$v} $un $e', lookup);
    expect(unset).toEqual(['un2', 'un']);
    expect(used).toEqual(['v', 'e']);
  });

  test('in a here-document quotes are kept and escapes are processed', () => {
    const text = 'echo "$v" \'$v\' \\$v a\\nb ${un:-"x"}\n';
    expect(expand(text, lookup, { mode: 'heredoc' }).text).toBe(
      'echo "a.b.c-d/e" \'a.b.c-d/e\' $v anb "x"\n',
    );
  });

  test('replacing all matches reads Go templates in the replacement, replacing one does not', () => {
    const d = (name: string) => (name === 'd' ? '$0$$$q${q}$.$' : 'aXbX');
    expect(expand('${x//X/<$d>}', d).text).toBe('a<X$$.$>b<X$$.$>');
    expect(expand('${x/X/<$d>}', d).text).toBe('a<$0$$$q${q}$.$>bX');
  });

  test('wildcards do not match a newline', () => {
    const lines = () => 'a\nb';
    expect(expand('${x#*}|${x##*}|${x%%*}|${x//?/-}', lines).text).toBe('a\nb|\nb|a\n|-\n-');
  });
});

describe('expandWords', () => {
  test.each([
    ['80 81', ['80', '81']],
    ['$nl three', ['one', 'two', 'three']],
    ['"$nl" three', ['one two', 'three']],
    ['a\\ b', ['a b']],
    ["'a b'c", ['a bc']],
    ['""', []],
    ['$un', []],
    ['  a  ', ['a']],
    ['a"b c"d e', ['ab cd', 'e']],
  ])('%j gives %j', (text, words) => {
    expect(expandWords(text, lookup).words).toEqual(words);
  });
});

describe('looking for here-documents', () => {
  test.each([
    ['RUN cat <<EOF | x', ['RUN', 'cat', '<<EOF', '|', 'x']],
    ['COPY << EOF /x', ['COPY', '<< EOF', '/x']],
    [
      'RUN echo "a b" \'c d\' e\\ f $un ${un:-x}',
      ['RUN', 'echo', '"a b"', "'c d'", 'e\\ f', '$un', '${un:-x}'],
    ],
    ['RUN echo "a', []],
    ['RUN ${x!y} <<EOF', []],
  ])('%j has the words %j', (line, words) => {
    expect(shellWords(line)).toEqual(words);
  });

  test.each([
    ['EOF', { text: 'EOF', quoted: false }],
    ['"EOF"', { text: 'EOF', quoted: true }],
    ["E'O'F", { text: 'EOF', quoted: true }],
    ['E\\OF', { text: 'EOF', quoted: false }],
    ['$EOF', { text: '$EOF', quoted: false }],
    ['"a b"', { text: 'a b', quoted: true }],
    ['a b', undefined],
    ['""', undefined],
    ['"a', undefined],
  ])('%j without quotes is %j', (word, expected) => {
    expect(unquote(word)).toEqual(expected);
  });
});

describe('laws of expansion', () => {
  const plain = fc.stringMatching(/^[a-zA-Z0-9 .,:;/_=+@%^()[\]{}*?#!|&~-]*$/);
  const value = fc.string({ unit: 'grapheme', maxLength: 12 });
  const set = (text: string) => (name: string) => (name === 'x' ? text : undefined);

  test('leaves text without special characters unchanged', () => {
    fc.assert(
      fc.property(plain, (text) => {
        expect(expand(text, lookup).text).toBe(text);
      }),
    );
  });

  test('a value of any characters is unchanged', () => {
    fc.assert(
      fc.property(value, (text) => {
        for (const reference of ['$x', '${x}', '"$x"', '"${x}"', '${x-w}', '${x+$x}', '${x##}'])
          expect(expand(reference, set(text)).text, reference).toBe(text);
      }),
    );
  });

  test('escaped and single-quoted text is unchanged', () => {
    fc.assert(
      fc.property(value, (text) => {
        const escaped = [...text].map((character) => `\\${character}`).join('');
        const quoted = `'${text.replaceAll("'", `'"'"'`)}'`;
        expect(expand(escaped, lookup).text).toBe(text);
        expect(expand(quoted, lookup).text).toBe(text);
      }),
    );
  });

  test('trimming leaves an end or a beginning of the value, the longest match the least of it', () => {
    const pattern = fc.stringMatching(/^[ab*?]{0,5}$/);
    fc.assert(
      fc.property(fc.stringMatching(/^[ab]{0,8}$/), pattern, (text, glob) => {
        const get = (operator: string) => expand(`\${x${operator}${glob}}`, set(text)).text;
        const [short, long, shortEnd, longEnd] = ['#', '##', '%', '%%'].map(get) as [
          string,
          string,
          string,
          string,
        ];
        expect(text.endsWith(short), short).toBe(true);
        expect(short.endsWith(long), long).toBe(true);
        expect(text.startsWith(shortEnd), shortEnd).toBe(true);
        expect(shortEnd.startsWith(longEnd), longEnd).toBe(true);
      }),
    );
  });

  test('throws only JettisonErrors, and is deterministic', () => {
    const text = fc.stringMatching(/^[$\\{}"'`:+?#%/a-c1<* \n-]{0,20}$/);
    fc.assert(
      fc.property(text, fc.constantFrom('word' as const, 'heredoc' as const), (input, mode) => {
        const run = () => {
          try {
            return expand(input, lookup, { mode }).text;
          } catch (error) {
            if (error instanceof JettisonError) return error.code;
            throw error;
          }
        };
        expect(run()).toBe(run());
      }),
    );
  });
});
