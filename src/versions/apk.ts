import { compareDigits } from './deb.ts';

/** Kinds of tokens, in the order of `1.2b_rc3~ab12-r4`; a version that ends sooner is the older one. */
const KINDS = ['initial', 'digits', 'letter', 'suffix', 'suffix-number', 'hash', 'revision', 'end'] as const;
type Kind = (typeof KINDS)[number];

const BEFORE_RELEASE = ['alpha', 'beta', 'pre', 'rc'];
const SUFFIXES = [...BEFORE_RELEASE, 'cvs', 'svn', 'git', 'hg', 'p'];
const END: Token = { kind: 'end', value: '' };

interface Token {
  kind: Kind;
  value: string;
}

/** Compares versions of Alpine and Wolfi, as apk-tools 3 does: negative if `a` is older. */
export function compareApk(a: string, b: string): number {
  const [left, right] = [tokensOf(a), tokensOf(b)];
  for (let at = 0; ; at++) {
    const [x, y] = [left[at] ?? END, right[at] ?? END];
    if (x.kind === y.kind) {
      if (x.kind === 'end') return 0;
      const difference = compareTokens(x, y);
      if (difference !== 0) return difference;
      continue;
    }
    if (x.kind === 'suffix' && BEFORE_RELEASE.includes(x.value)) return -1;
    if (y.kind === 'suffix' && BEFORE_RELEASE.includes(y.value)) return 1;
    return KINDS.indexOf(y.kind) - KINDS.indexOf(x.kind);
  }
}

/** Whether apk accepts a text as a version. */
export function isApkVersion(text: string): boolean {
  return /^\d+(\.\d+)*[a-z]?(_(alpha|beta|pre|rc|cvs|svn|git|hg|p)\d*)*(~[0-9a-f]+)?(-r\d+)?$/.test(text);
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  const pattern = /(^\d+)|\.(\d+)|([a-z])(?![a-z])|_([a-z]+)|~([0-9a-f]+)|-r(\d+)/gy;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const [, initial, digits, letter, suffix, hash, revision] = match;
    const found: [Kind, string | undefined][] = [
      ['initial', initial],
      ['digits', digits],
      ['letter', letter],
      ['suffix', suffix],
      ['hash', hash],
      ['revision', revision],
    ];
    for (const [kind, value] of found) if (value !== undefined) tokens.push({ kind, value });
    if (suffix === undefined) continue;
    const [number = ''] = /^\d*/.exec(text.slice(pattern.lastIndex)) ?? [];
    if (number !== '') tokens.push({ kind: 'suffix-number', value: number });
    pattern.lastIndex += number.length;
  }
  return tokens;
}

function compareTokens({ kind, value: a }: Token, { value: b }: Token): number {
  if (kind === 'suffix') return SUFFIXES.indexOf(a) - SUFFIXES.indexOf(b);
  // A part with a leading zero is a fraction: 1.05 is before 1.1.
  const isFraction = kind === 'digits' && (a.startsWith('0') || b.startsWith('0'));
  if (!isFraction && kind !== 'letter' && kind !== 'hash') return compareDigits(a, b);
  return a < b ? -1 : a > b ? 1 : 0;
}
