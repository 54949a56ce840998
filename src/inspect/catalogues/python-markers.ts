/** What is known of the machine that an image runs on. Of an extra nothing is: nobody says which were asked for. */
const KNOWN: Record<string, string> = {
  sys_platform: 'linux',
  platform_system: 'Linux',
  os_name: 'posix',
  extra: '',
};
/** No marker of use is longer: one of parentheses alone would need a deep stack. */
const LONGEST = 1000;
const TOKEN = /\s*(?:([()])|'([^']*)'|"([^"]*)"|(not\s+in|[a-z_.]+|[<>=!~]+))/y;

type Token = { word: string } | { text: string };

/**
 * Whether the marker of a requirement may hold in an image: `sys_platform == "win32"` does not. What cannot be told holds.
 *
 * @param marker as PEP 508 has it
 * @param python such as `3.11`; undefined: unknown
 */
export function mayHold(marker: string, python: string | undefined): boolean {
  const tokens = marker.length > LONGEST ? undefined : tokensOf(marker);
  if (tokens === undefined) return true;
  let at = 0;
  const isNext = (word: string) => {
    const token = tokens[at];
    return token !== undefined && 'word' in token && token.word === word;
  };
  const either = (): boolean | undefined => {
    let value = both();
    for (; isNext('or'); value = anyOf(value, both())) at++;
    return value;
  };
  const both = (): boolean | undefined => {
    let value = one();
    for (; isNext('and'); value = allOf(value, one())) at++;
    return value;
  };
  const one = (): boolean | undefined => {
    if (!isNext('(')) {
      at += 3;
      return compared(tokens.slice(at - 3, at), python);
    }
    at++;
    const value = either();
    at++;
    return value;
  };
  return either() ?? true;
}

function tokensOf(marker: string): Token[] | undefined {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (marker.slice(TOKEN.lastIndex).trim() !== '') {
    const found = TOKEN.exec(marker);
    if (found === null) return undefined;
    const [, parenthesis, single, double, word] = found;
    const text = single ?? double;
    tokens.push(text === undefined ? { word: parenthesis ?? word!.replace(/\s+/, ' ') } : { text });
  }
  return tokens;
}

function anyOf(a: boolean | undefined, b: boolean | undefined): boolean | undefined {
  return a || b ? true : a === undefined || b === undefined ? undefined : false;
}

function allOf(a: boolean | undefined, b: boolean | undefined): boolean | undefined {
  return a === false || b === false ? false : a === undefined || b === undefined ? undefined : true;
}

function compared([left, operator, right]: Token[], python: string | undefined): boolean | undefined {
  const [a, b] = [valueIn(left, python), valueIn(right, python)];
  if (operator === undefined || !('word' in operator) || a === undefined || b === undefined) return undefined;
  if (operator.word === 'in') return b.includes(a);
  if (operator.word === 'not in') return !b.includes(a);
  if (isVersion(left) || isVersion(right)) {
    const ordered = order(a, b);
    return ordered === undefined ? undefined : ORDERED[operator.word]?.(ordered);
  }
  if (operator.word === '==') return a === b;
  return operator.word === '!=' ? a !== b : undefined;
}

const ORDERED: Record<string, (ordered: number) => boolean> = {
  '==': (ordered) => ordered === 0,
  '!=': (ordered) => ordered !== 0,
  '<': (ordered) => ordered < 0,
  '<=': (ordered) => ordered <= 0,
  '>': (ordered) => ordered > 0,
  '>=': (ordered) => ordered >= 0,
};

function isVersion(token: Token | undefined): boolean {
  return token !== undefined && 'word' in token && token.word === 'python_version';
}

function valueIn(token: Token | undefined, python: string | undefined): string | undefined {
  if (token === undefined) return undefined;
  if ('text' in token) return token.text;
  if (isVersion(token)) return python;
  return Object.hasOwn(KNOWN, token.word) ? KNOWN[token.word] : undefined;
}

/** Order of versions that are numbers with dots; undefined for others, such as `3.*`. */
function order(a: string, b: string): number | undefined {
  if (![a, b].every((version) => /^\d+(\.\d+)*$/.test(version))) return undefined;
  const [x, y] = [a, b].map((version) => version.split('.').map(Number)) as [number[], number[]];
  for (let at = 0; at < Math.max(x.length, y.length); at++) {
    const difference = (x[at] ?? 0) - (y[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
