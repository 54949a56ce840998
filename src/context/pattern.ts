import { posix } from 'node:path';

/** Says whether a clean relative path matches a pattern. */
export type PathTest = (path: string) => boolean;

/** One piece of a pattern after reading it character by character. */
type Token =
  | { kind: 'literal'; text: string }
  /** `*`: anything within one component. */
  | { kind: 'star' }
  /** `?`: one character that is not `/`. */
  | { kind: 'any' }
  /** `**`, with the `/` behind it if there is one: any number of whole components, none included. */
  | { kind: 'components' }
  /** `**` at the end: everything. */
  | { kind: 'rest' }
  /** `[…]` as the body of a regular expression's class. */
  | { kind: 'class'; body: string };

/** A pattern that is not well-formed, e.g. `[a`. */
export class PatternError extends Error {}

/** Cleans a pattern as Docker does: no `.`, `..`, doubled or trailing slashes; `` becomes `.`. */
export function cleanPattern(pattern: string): string {
  const clean = posix.normalize(pattern);
  return clean.length > 1 && clean.endsWith('/') ? clean.slice(0, -1) : clean;
}

/** A pattern ready to be used, and what can be said of its matches without trying it. */
export interface CompiledPattern {
  matches: PathTest;
  /** What every match starts with. */
  prefix: string;
  /** Whether that is the whole pattern: it matches just this path. */
  literal: boolean;
  /** How many components every match has; absent where they differ. */
  depth?: number;
}

/**
 * Compiles a pattern of `.dockerignore`, `--exclude` or `--parents`: `*` and `?` stay within a component, `**`
 * crosses them, `[a-z]` and `[^a-z]` are classes, `\` takes the next character as it is, unless it is a letter or
 * a digit: what it means then is Go's regular expressions' affair, to which Docker hands it. The whole path must
 * match; that a matched directory also covers what is below it is the caller's rule.
 *
 * @throws PatternError when the pattern is not well-formed
 */
export function compilePattern(pattern: string): CompiledPattern {
  const tokens = tokenise(pattern);
  const [first] = tokens;
  const compiled: CompiledPattern = {
    matches: pathTest(pattern, tokens),
    prefix: first?.kind === 'literal' ? first.text : '',
    literal: tokens.length === 1 && first?.kind === 'literal',
  };
  // A class may stand for a slash, as it may in Docker.
  if (!tokens.some(({ kind }) => kind === 'components' || kind === 'rest' || kind === 'class')) {
    const slashes = tokens.map((token) => (token.kind === 'literal' ? token.text.split('/').length - 1 : 0));
    compiled.depth = slashes.reduce((sum, count) => sum + count, 1);
  }
  return compiled;
}

function pathTest(pattern: string, tokens: Token[]): PathTest {
  const [first, second] = tokens;
  if (tokens.length === 1 && first?.kind === 'literal') return (path) => path === first.text;
  if (tokens.length === 2 && first?.kind === 'literal' && second?.kind === 'rest') {
    return (path) => path.startsWith(first.text);
  }
  if (tokens.length === 2 && first?.kind === 'components' && second?.kind === 'literal') {
    // What stands behind a leading `**` is compared with the path's end, with the `/` only if it was written.
    const suffix = pattern.startsWith('**/') ? `/${second.text}` : second.text;
    return (path) => path.endsWith(suffix) || (suffix.startsWith('/') && path === second.text);
  }
  const expression = new RegExp(`^${tokens.map(toExpression).join('')}$`, 'us');
  // Most paths lack the fixed text of most patterns: looking for that first is much cheaper.
  const last = tokens.at(-1);
  if (last?.kind === 'literal') return (path) => path.endsWith(last.text) && expression.test(path);
  const fixed = tokens.find((token) => token.kind === 'literal');
  if (fixed !== undefined) return (path) => path.includes(fixed.text) && expression.test(path);
  return (path) => expression.test(path);
}

/** True if a COPY source holds a wildcard that no backslash takes away. */
export function hasWildcard(path: string): boolean {
  return /^(?:[^\\*?[]|\\.)*[*?[]/s.test(path);
}

/**
 * Compiles a wildcard of COPY (Go's `filepath.Match`): as `compilePattern`, but `**` is the same as `*`, and
 * classes do not match `/`.
 *
 * @throws PatternError when the pattern is not well-formed
 */
export function compileWildcard(pattern: string): PathTest {
  const body = tokenise(pattern, false)
    .map((token) => (token.kind === 'class' ? `(?!/)[${token.body}]` : toExpression(token)))
    .join('');
  const expression = new RegExp(`^${body}$`, 'us');
  return (path) => expression.test(path);
}

function toExpression(token: Token): string {
  switch (token.kind) {
    case 'literal':
      return token.text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
    case 'star':
      return '[^/]*';
    case 'any':
      return '[^/]';
    case 'components':
      return '(?:.*/)?';
    case 'rest':
      return '.*';
    case 'class':
      return `[${token.body}]`;
  }
}

function tokenise(pattern: string, doubleStar = true): Token[] {
  const tokens: Token[] = [];
  const characters = [...pattern];
  let literal = '';
  const push = (token: Token) => {
    if (literal !== '') tokens.push({ kind: 'literal', text: literal });
    literal = '';
    tokens.push(token);
  };
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i]!;
    if (character === '*') {
      if (doubleStar && characters[i + 1] === '*') {
        i += characters[i + 2] === '/' ? 2 : 1;
        push({ kind: i + 1 >= characters.length ? 'rest' : 'components' });
      } else {
        push({ kind: 'star' });
      }
    } else if (character === '?') {
      push({ kind: 'any' });
    } else if (character === '[') {
      const { body, end } = readClass(characters, i + 1, pattern);
      push({ kind: 'class', body });
      i = end;
    } else if (character === '\\') {
      const next = characters[++i];
      if (next === undefined) throw new PatternError(`"${pattern}" ends with a single backslash`);
      if (doubleStar && /[0-9A-Za-z]/.test(next)) push({ kind: 'class', body: escapeOf(next, pattern) });
      else literal += next;
    } else {
      literal += character;
    }
  }
  if (literal !== '') tokens.push({ kind: 'literal', text: literal });
  return tokens;
}

const ESCAPES: Record<string, string> = {
  a: '\\x07',
  f: '\\f',
  n: '\\n',
  r: '\\r',
  t: '\\t',
  v: '\\v',
  d: '0-9',
  D: '^0-9',
  s: '\\t\\n\\f\\r ',
  S: '^\\t\\n\\f\\r ',
  w: '0-9A-Za-z_',
  W: '^0-9A-Za-z_',
};

/** What a backslash before a letter or a digit stands for, as a class's body. */
function escapeOf(character: string, pattern: string): string {
  // The edges of words and texts are no characters: no pattern that has them matches a path.
  if ('AbBz'.includes(character)) return '^\\s\\S';
  const body = ESCAPES[character];
  if (body === undefined) throw new PatternError(`"${pattern}" has a backslash before "${character}"`);
  return body;
}

/** Reads a class from behind its `[`; `end` is the index of its `]`. */
function readClass(characters: string[], start: number, pattern: string): { body: string; end: number } {
  let i = start;
  let body = '';
  if (characters[i] === '^') {
    body = '^';
    i++;
  }
  const member = (): string => {
    let character = characters[i];
    if (character === undefined || character === '-' || character === ']') {
      throw new PatternError(`"${pattern}" has a character class that is not well-formed`);
    }
    if (character === '\\') character = characters[++i];
    i++;
    if (character === undefined || i >= characters.length) {
      throw new PatternError(`"${pattern}" has a character class without its closing "]"`);
    }
    return character;
  };
  do {
    const low = member();
    let high = low;
    if (characters[i] === '-') {
      i++;
      high = member();
    }
    if (low.codePointAt(0)! > high.codePointAt(0)!) {
      throw new PatternError(`"${pattern}" has the range ${low}-${high}, which is empty`);
    }
    body += `${classMember(low)}-${classMember(high)}`;
  } while (characters[i] !== ']');
  return { body, end: i };
}

function classMember(character: string): string {
  return `\\u{${character.codePointAt(0)!.toString(16)}}`;
}
