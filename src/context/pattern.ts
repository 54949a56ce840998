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
  /** `[…]` as the body of a regular expression's class; without `slash: false`, it may match a `/`. */
  | { kind: 'class'; body: string; slash?: boolean };

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
  const matches = sequenceTest(tokens);
  // Most paths lack the fixed text of most patterns: looking for that first is much cheaper.
  if (tokens.at(-1)?.kind === 'literal') return matches;
  const fixed = tokens.find((token) => token.kind === 'literal');
  if (fixed !== undefined) return (path) => path.includes(fixed.text) && matches(path);
  return matches;
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
  return sequenceTest(
    tokenise(pattern, false).map((token) => (token.kind === 'class' ? { ...token, slash: false } : token)),
  );
}

/**
 * Tests a whole path against tokens, in time proportional to their number times the path's length: it keeps the
 * set of offsets that the tokens so far can reach instead of trying one way after the other, as a backtracking
 * regular expression does.
 */
function sequenceTest(tokens: readonly Token[]): PathTest {
  const inner = [...tokens];
  const last = inner.at(-1);
  const suffix = last?.kind === 'literal' ? last.text : '';
  if (suffix !== '') inner.pop();
  const endsInStar = inner.at(-1)?.kind === 'star';
  if (endsInStar) inner.pop();
  const steps = inner.map(stepOf);
  return (whole) => {
    if (!whole.endsWith(suffix)) return false;
    const path = suffix === '' ? whole : whole.slice(0, -suffix.length);
    let reached = [0];
    for (const step of steps) {
      reached = step(path, reached);
      if (reached.length === 0) return false;
    }
    const farthest = reached.at(-1)!;
    return endsInStar ? !path.includes('/', farthest) : farthest === path.length;
  };
}

/** Takes ascending offsets of a path to those, ascending too, at which a match of one token can end. */
type Step = (path: string, from: number[]) => number[];

function stepOf(token: Token): Step {
  switch (token.kind) {
    case 'literal': {
      const { text } = token;
      return (path, from) => from.filter((at) => path.startsWith(text, at)).map((at) => at + text.length);
    }
    case 'star':
      return restOfComponents;
    case 'any':
      return oneCharacter((character) => character !== '/');
    case 'components':
      return wholeComponents;
    case 'rest':
      return (path) => [path.length];
    case 'class': {
      const expression = new RegExp(`^[${token.body}]$`, 'us');
      const { slash = true } = token;
      return oneCharacter((character) => (slash || character !== '/') && expression.test(character));
    }
  }
}

function oneCharacter(allowed: (character: string) => boolean): Step {
  return (path, from) => {
    const ends: number[] = [];
    for (const at of from) {
      if (at >= path.length) continue;
      const character = String.fromCodePoint(path.codePointAt(at)!);
      if (allowed(character)) ends.push(at + character.length);
    }
    return ends;
  };
}

/** `*`: from each offset up to the next slash. */
function restOfComponents(path: string, from: number[]): number[] {
  const ends: number[] = [];
  let done = -1;
  for (const start of from) {
    // The offset before has gone through the rest of this component already.
    if (start <= done) continue;
    const slash = path.indexOf('/', start);
    done = slash < 0 ? path.length : slash;
    for (let at = start; at <= done; at++) if (!splitsCharacter(path, at)) ends.push(at);
  }
  return ends;
}

/** `**` with its slash: the offsets themselves, and those behind each later slash. */
function wholeComponents(path: string, from: number[]): number[] {
  const ends: number[] = [];
  let slash = path.indexOf('/', from[0]);
  for (const start of from) {
    for (; slash >= 0 && slash + 1 < start; slash = path.indexOf('/', slash + 1)) ends.push(slash + 1);
    if (slash >= 0 && slash + 1 === start) slash = path.indexOf('/', slash + 1);
    ends.push(start);
  }
  for (; slash >= 0; slash = path.indexOf('/', slash + 1)) ends.push(slash + 1);
  return ends;
}

/** Whether an offset is between the two halves of one character. */
function splitsCharacter(path: string, at: number): boolean {
  const low = path.charCodeAt(at);
  if (low < 0xdc00 || low > 0xdfff || at === 0) return false;
  const high = path.charCodeAt(at - 1);
  return high >= 0xd800 && high <= 0xdbff;
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
