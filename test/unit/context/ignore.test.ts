import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ignoreRules, parseIgnore } from '../../../src/context/ignore.ts';
import { JettisonError } from '../../../src/errors/error.ts';

const FILES = [
  '.dockerignore .hid a/b/c/f a/b/dash-x a/b/xfoo a/b/z.log a/foo a/x/g d/e/h',
  'node_modules/p/i node_modules/p/keep.md top.md',
]
  .join(' ')
  .split(' ');

function kept(text: string): string[] {
  const rules = parseIgnore(text, '.dockerignore');
  return FILES.filter((file) => !rules.excludes(file));
}

function without(...gone: string[]): string[] {
  return FILES.filter((file) => !gone.some((path) => file === path || file.startsWith(`${path}/`)));
}

describe('.dockerignore', () => {
  // Each expectation is what a current Docker engine leaves of these files.
  test.each<[string, string[]]>([
    ['', FILES],
    ['# a\n', FILES],
    ['a/b\n!a/b/c/f\n', without('a/b/dash-x', 'a/b/xfoo', 'a/b/z.log')],
    ['*\n!a/b/c\n', ['a/b/c/f']],
    ['*\n!**/*.md\n', ['node_modules/p/keep.md', 'top.md']],
    ['node_modules\n!node_modules/p/keep.md\n', without('node_modules/p/i')],
    ['**/c\n', without('a/b/c')],
    ['/a/x\n /d\n', without('a/x', 'd')],
    ['#a\n', FILES],
    ['a/*\n!a/x\n', without('a/b', 'a/foo')],
    ['*.md\n**/*.log\n', without('top.md', 'a/b/z.log')],
    ['**foo\n', without('a/b/xfoo', 'a/foo')],
    ['a**\n', without('a')],
    ['a/**\n', without('a')],
    ['!a\na\n', without('a')],
    ['[a-d]\n', without('a', 'd')],
    ['[^a]\n', without('d')],
    ['a/?/?\n', without('a/b/c', 'a/x/g')],
    ['.\n', FILES],
    ['/\n', FILES],
    ['*\n', []],
    ['**\n', []],
    ['*/**\n', ['.dockerignore', '.hid', 'top.md']],
    ['./a/../d/\n', without('d')],
    ['a/b[^x]c\n', without('a/b/c')],
    ['**/b/*\n!**/c\n', without('a/b/dash-x', 'a/b/xfoo', 'a/b/z.log')],
    ['d\\/e\n', without('d/e')],
    ['..\n../a\n', FILES],
    ['a/b/c/f/zz\n', FILES],
    ['**/**/f\n', without('a/b/c/f')],
    ['**/*\n!d/e\n', ['d/e/h']],
    ['\ufeffa\r\nd\r\n', without('a', 'd')],
    ['! d\n*\n! d\n', ['d/e/h']],
    // The third line is not even tried on a/b, which the first one has excluded.
    ['a/b\n!a/b/c\na/b\n', without('a/b/dash-x', 'a/b/xfoo', 'a/b/z.log')],
  ])('%j', (text, expected) => {
    expect(kept(text)).toEqual(expected);
  });

  test('says which line decided', () => {
    const rules = parseIgnore('# comment\nnode_modules\n\n!node_modules/keep\n', 'sub/.dockerignore');
    expect(rules.match('node_modules/x/y')).toEqual({
      excluded: true,
      rule: { pattern: 'node_modules', line: 2 },
    });
    expect(rules.match('node_modules/keep/y')).toEqual({
      excluded: false,
      rule: { pattern: '!node_modules/keep', line: 4 },
    });
    expect(rules.match('src')).toEqual({ excluded: false });
    expect(rules.match('')).toEqual({ excluded: false });
  });

  test.each(['!', 'a[', '[]', '[a-]', '[z-a]', 'a\\'])('refuses %j', (pattern) => {
    const error = (() => {
      try {
        return parseIgnore(`x\n${pattern}\n`, '.dockerignore');
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(JettisonError);
    expect(error).toMatchObject({ code: 'IGNORE_PATTERN', location: { file: '.dockerignore', line: 2 } });
  });

  test('characters beyond the basic plane count as one', () => {
    expect(ignoreRules(['?.txt'], 'test').excludes('🙂.txt')).toBe(true);
    expect(ignoreRules(['[🙂-🙄]'], 'test').excludes('🙃')).toBe(true);
  });

  test('a backslash before a letter means the same as in Go', () => {
    const rules = parseIgnore('\\a\nx\\d\ny\\w\n\\.b\nbin\\build\n', '.dockerignore');
    const excluded = ['a', 'x1', 'xd', 'yz', '.b', 'binbuild'].filter((path) => rules.excludes(path));
    expect(excluded).toEqual(['x1', 'yz', '.b']);
    expect(() => parseIgnore('a\\qb\n', '.dockerignore').excludes('x')).toThrow(JettisonError);
  });

  test('characters that mean something in regular expressions stand for themselves', () => {
    const rules = ignoreRules(['*a.b+c(d)|{e}$^'], 'test');
    expect(rules.excludes('xa.b+c(d)|{e}$^')).toBe(true);
    expect(rules.excludes('xaxb+c(d)|{e}$^')).toBe(false);
  });
});

describe('walk pruning', () => {
  test.each<[string, string, boolean]>([
    ['node_modules', 'node_modules', false],
    ['node_modules\n!node_modules/a/b', 'node_modules', true],
    ['node_modules\n!node_modules/a/b', 'node_modules/a', true],
    ['node_modules\n!node_modules/a/b', 'node_modules/b', false],
    ['!node_modules/a\nnode_modules', 'node_modules', false],
    ['node_modules\n!other', 'node_modules', false],
    ['*\n!**/*.md', 'anything/below', true],
    ['*\n!src/*.ts', 'src', true],
    ['*\n!src/*.ts', 'lib', false],
    ['', 'src', true],
  ])('%j, %s: %s', (text, directory, expected) => {
    expect(parseIgnore(text, 'x').mayContainIncluded(directory)).toBe(expected);
  });
});

const name = fc.constantFrom('a', 'b', 'ab', 'c.md', 'x');
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
const piece = fc.constantFrom('a', 'b', 'ab', '*', '?', '**', 'a*', '*.md', '[ab]', '[^x]', 'x');
const pattern = fc
  .tuple(fc.boolean(), fc.array(piece, { minLength: 1, maxLength: 3 }))
  .map(([include, parts]) => (include ? '!' : '') + parts.join('/'));

/** Does a pattern match a path, component by component? An independent reading of the rules. */
function matches(patternParts: string[], parts: string[]): boolean {
  const [first, ...rest] = patternParts;
  if (first === undefined) return parts.length === 0;
  if (first === '**') {
    if (rest.length === 0) return parts.length > 0;
    return parts.some((_, skipped) => matches(rest, parts.slice(skipped)));
  }
  return parts.length > 0 && component(first, parts[0]!) && matches(rest, parts.slice(1));
}

function component(patternText: string, text: string): boolean {
  switch (patternText) {
    case '*':
      return true;
    case '?':
      return text.length === 1;
    case 'a*':
      return text.startsWith('a');
    case '*.md':
      return text.endsWith('.md');
    case '[ab]':
      return text === 'a' || text === 'b';
    case '[^x]':
      return text.length === 1 && text !== 'x';
    default:
      return text === patternText;
  }
}

describe('laws', () => {
  test('one pattern matches as component by component, and everything below', () => {
    fc.assert(
      fc.property(pattern, path, (text, file) => {
        // `[^x]` may stand for a slash, as it does in Docker: left to the table above.
        fc.pre(!text.startsWith('!') && !text.includes('[^x]'));
        const parts = file.split('/');
        const expected = parts.some((_, i) => matches(text.split('/'), parts.slice(0, i + 1)));
        expect(ignoreRules([text], 'test').excludes(file)).toBe(expected);
      }),
      { numRuns: 2000 },
    );
  });

  test('pruned directories hold nothing that is included', () => {
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 5 }), path, path, (patterns, directory, below) => {
        const rules = ignoreRules(patterns, 'test');
        if (!rules.mayContainIncluded(directory)) expect(rules.excludes(`${directory}/${below}`)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test('answers do not depend on the order of the questions', () => {
    fc.assert(
      fc.property(
        fc.array(pattern, { maxLength: 5 }),
        fc.array(path, { maxLength: 10 }),
        (patterns, paths) => {
          const rules = ignoreRules(patterns, 'test');
          const forward = paths.map((file) => rules.excludes(file));
          const fresh = [...paths].reverse().map((file) => ignoreRules(patterns, 'test').excludes(file));
          expect(forward).toEqual(fresh.reverse());
        },
      ),
    );
  });
});
