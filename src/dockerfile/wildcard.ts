/** A pattern of `${v#p}` and its relatives: characters, `?` (any one) and `*` (any number). */
export type Wildcard = (string | typeof ANY_ONE | typeof ANY_NUMBER)[];

const ANY_ONE = Symbol('?');
const ANY_NUMBER = Symbol('*');

/**
 * Reads a pattern. `\*`, `\?`, `\\`, `\/` and `\}` stand for the character itself; brackets have no meaning.
 * @returns undefined when the pattern escapes something else
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

/** The text without the shortest or the longest beginning that matches. */
export function trimStartMatching(text: string, wildcard: Wildcard, longest: boolean): string {
  const characters = [...text];
  const end = matchEnd(characters, wildcard, 0, longest);
  return end === undefined ? text : characters.slice(end).join('');
}

/** The text without the shortest or the longest end that matches. */
export function trimEndMatching(text: string, wildcard: Wildcard, longest: boolean): string {
  const characters = [...text].reverse();
  const end = matchEnd(characters, [...wildcard].reverse(), 0, longest);
  return end === undefined ? text : characters.slice(end).reverse().join('');
}

/**
 * The text with the first match, or every match, replaced; a match is as long as it can be. When all are
 * replaced, Docker reads a `$` in the replacement as a template of Go's regexps, and so does this.
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
    // Nothing matches right behind a match: it is part of that one.
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

/** For every place where a match may begin: where the longest one ends, -1 where there is none. */
function farthestEnds(text: string[], wildcard: Wildcard): Int32Array {
  const ends = new Int32Array(text.length + 1);
  // From the back: where the tokens from each one on can end when they begin here, and one character later.
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

/** Where a match that begins at `start` ends: the nearest or the farthest such place. */
function matchEnd(text: string[], wildcard: Wildcard, start: number, farthest: boolean): number | undefined {
  // The places that the pattern's tokens so far can reach, in ascending order.
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

/** All places from the given ones up to the ends of their lines: wildcards do not match a newline. */
function reachAll(text: string[], from: number[]): number[] {
  const places: number[] = [];
  for (const start of from) {
    // An earlier place on the same line has reached the rest of the line already.
    if (start <= (places.at(-1) ?? -1)) continue;
    let at = start;
    places.push(at);
    while (at < text.length && text[at] !== '\n') places.push(++at);
  }
  return places;
}
