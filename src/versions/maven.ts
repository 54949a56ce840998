import { compareDigits } from './deb.ts';

interface Token {
  separator: '.' | '-';
  /** Digits, or a qualifier in lower case. */
  value: string;
}

/** Trailing parts that are ignored, as in `1.0.0`. */
const NOTHING = new Set(['', '0', 'final', 'ga', 'release']);
const QUALIFIERS = ['alpha', 'beta', 'milestone', 'rc', 'snapshot', '', 'sp'];
const SHORT: Record<string, string> = { a: 'alpha', b: 'beta', m: 'milestone' };

/** Compares versions as Maven's POM reference defines: negative if `a` is older. */
export function compareMaven(a: string, b: string): number {
  const [left, right] = [tokensOf(a), tokensOf(b)];
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const [x, y] = [left[at], right[at]];
    const difference = compareTokens(x ?? paddingFor(y!), y ?? paddingFor(x!));
    if (difference !== 0) return difference;
  }
  return 0;
}

function paddingFor({ separator, value }: Token): Token {
  return { separator, value: isNumber(value) ? '0' : '' };
}

function tokensOf(version: string): Token[] {
  const tokens: Token[] = [];
  const pattern = /([.\-_]?)(\d+|[^\d.\-_]+|(?=[.\-_]|$))/gy;
  const text = version.toLowerCase();
  let wasNumber: boolean | undefined;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const [whole, written = '', value = ''] = match;
    if (whole === '') break;
    const number = isNumber(value);
    // Between digits and letters without a separator, there is an implicit hyphen.
    const transition = written === '' && wasNumber !== undefined && wasNumber !== number;
    const short = !number && /\d/.test(text[pattern.lastIndex] ?? '') ? SHORT[value] : undefined;
    const empty = value === '' ? '0' : value;
    tokens.push({
      separator: written === '-' || transition ? '-' : '.',
      value: short ?? (value === 'cr' ? 'rc' : empty),
    });
    wasNumber = number;
  }
  return trimmed(tokens);
}

/** Removes `NOTHING` parts from the end, and before each hyphen. */
function trimmed(tokens: Token[]): Token[] {
  const kept: Token[] = [];
  for (const token of tokens) {
    if (token.separator === '-') while (NOTHING.has(kept.at(-1)?.value ?? '-')) kept.pop();
    kept.push(token);
  }
  while (NOTHING.has(kept.at(-1)?.value ?? '-')) kept.pop();
  return kept;
}

function compareTokens(a: Token, b: Token): number {
  const [left, right] = [rank(a), rank(b)];
  if (left !== right) return left - right;
  if (isNumber(a.value)) return compareDigits(a.value, b.value);
  const [x, y] = [qualifier(a.value), qualifier(b.value)];
  if (x !== y) return x - y;
  return x < QUALIFIERS.length || a.value === b.value ? 0 : a.value < b.value ? -1 : 1;
}

/** A qualifier sorts before a number after a hyphen, and that before a number after a dot. */
function rank({ separator, value }: Token): number {
  return isNumber(value) ? (separator === '-' ? 1 : 2) : 0;
}

function qualifier(value: string): number {
  const known = QUALIFIERS.indexOf(NOTHING.has(value) ? '' : value);
  return known < 0 ? QUALIFIERS.length : known;
}

function isNumber(value: string): boolean {
  return /^\d/.test(value);
}
