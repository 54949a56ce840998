/** The pattern of `${v#p}`, `${v%p}` and `${v/p/r}`: characters, `?` (any one) and `*` (any number). */
export type Wildcard = (string | typeof ANY_ONE | typeof ANY_NUMBER)[];

const ANY_ONE = Symbol('?');
const ANY_NUMBER = Symbol('*');

/**
 * Parses a pattern. `\*`, `\?`, `\\`, `\/` and `\}` are literal characters, as are brackets.
 * @returns undefined for any other escape
 */
export function parseWildcard(pattern: string): Wildcard | undefined {
  const wildcard: Wildcard = [];
  const characters = [...pattern];
  for (let index = 0; index < characters.length; index++) {
    const character = characters[index]!;
    if (character === '*') wildcard.push(ANY_NUMBER);
    else if (character === '?') wildcard.push(ANY_ONE);
    else if (character === '\\') {
      const escaped = characters[++index];
      if (escaped === undefined || !'*?\\/}'.includes(escaped)) return undefined;
      wildcard.push(escaped);
    } else wildcard.push(character);
  }
  return wildcard;
}

/** The text without the shortest or the longest matching prefix. */
export function trimStartMatching(text: string, wildcard: Wildcard, longest: boolean): string {
  const characters = [...text];
  const end = matchEnd(characters, wildcard, 0, longest);
  return end === undefined ? text : characters.slice(end).join('');
}

/** The text without the shortest or the longest matching suffix. */
export function trimEndMatching(text: string, wildcard: Wildcard, longest: boolean): string {
  const characters = [...text].reverse();
  const end = matchEnd(characters, [...wildcard].reverse(), 0, longest);
  return end === undefined ? text : characters.slice(end).reverse().join('');
}

/**
 * The text with the first match, or all matches, replaced. Matches are the longest possible. If all are replaced, `$` in
 * the replacement is a template of Go's regexps, as in Docker.
 */
export function replaceMatching(text: string, wildcard: Wildcard, replacement: string, all: boolean): string {
  const characters = [...text];
  const ends = farthestEnds(characters, wildcard);
  let result = '';
  let copied = 0;
  let previousEnd = -1;
  for (let start = 0; start <= characters.length; start++) {
    if (start < copied) continue;
    const end = ends[start]!;
    // An empty match directly after a match is part of that one.
    if (end < 0 || (end === start && start === previousEnd)) continue;
    const match = characters.slice(start, end).join('');
    result +=
      characters.slice(copied, start).join('') + (all ? fillTemplate(replacement, match) : replacement);
    copied = end;
    previousEnd = end;
    if (!all) break;
  }
  return result + characters.slice(copied).join('');
}

/** `$0` is the match, `$$` a `$`, and every other `$name` nothing. */
function fillTemplate(template: string, match: string): string {
  return template.replace(
    /\$(?:(\$)|\{([\p{L}\p{Nd}_]+)\}|([\p{L}\p{Nd}_]+))/gu,
    (_whole, dollar, braced, bare) => {
      if (dollar !== undefined) return '$';
      return /^0+$/.test(braced ?? bare) ? match : '';
    },
  );
}

/** For every start of a match, the end of the longest one; -1 without a match. */
function farthestEnds(text: string[], wildcard: Wildcard): Int32Array {
  const ends = new Int32Array(text.length + 1);
  // Backwards: the farthest end of the tokens from each one on, if they start here, and one character later.
  let later = new Int32Array(wildcard.length + 1).fill(-1);
  let here = new Int32Array(wildcard.length + 1);
  for (let at = text.length; at >= 0; at--) {
    const character = text[at];
    here[wildcard.length] = at;
    for (let i = wildcard.length - 1; i >= 0; i--) {
      const token = wildcard[i]!;
      const inLine = character !== undefined && character !== '\n';
      if (token === ANY_NUMBER) here[i] = Math.max(here[i + 1]!, inLine ? later[i]! : -1);
      else here[i] = (token === ANY_ONE ? inLine : character === token) ? later[i + 1]! : -1;
    }
    ends[at] = here[0]!;
    [later, here] = [here, later];
  }
  return ends;
}

/** The nearest or farthest end of a match that begins at `start`; undefined without a match. */
function matchEnd(text: string[], wildcard: Wildcard, start: number, farthest: boolean): number | undefined {
  // Ends of the tokens so far, ascending.
  let reached = [start];
  for (const token of wildcard) {
    if (token === ANY_NUMBER) reached = reachAll(text, reached);
    else {
      reached = reached
        .filter((at) => at < text.length && (token === ANY_ONE ? text[at] !== '\n' : text[at] === token))
        .map((at) => at + 1);
    }
    if (reached.length === 0) return undefined;
  }
  return farthest ? reached.at(-1) : reached[0];
}

/** All positions from the given ones to the ends of their lines: wildcards do not match a newline. */
function reachAll(text: string[], from: number[]): number[] {
  const places: number[] = [];
  for (const start of from) {
    // An earlier position has already reached the rest of this line.
    if (start <= (places.at(-1) ?? -1)) continue;
    let at = start;
    places.push(at);
    while (at < text.length && text[at] !== '\n') places.push(++at);
  }
  return places;
}
