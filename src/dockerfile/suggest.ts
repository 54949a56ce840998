const MAXIMUM_DISTANCE = 2;
/** Comparing takes the product of both lengths: nobody mistypes longer names. */
const LONGEST = 100;

/**
 * The candidate that was probably meant: the nearest one within two edits, upper and lower case being the
 * same. Undefined when none is near, or when the word itself is a candidate.
 */
export function findDidYouMean(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > LONGEST) return undefined;
  let best: string | undefined;
  let bestDistance = MAXIMUM_DISTANCE + 1;
  const wanted = word.toLowerCase();
  for (const candidate of candidates) {
    if (candidate === word) return undefined;
    // Two edits turn any two-letter word into any other: a word must keep at least one of its letters.
    const limit = Math.min(bestDistance - 1, Math.max(word.length, candidate.length) - 1);
    if (candidate.length > LONGEST) continue;
    const distance = editDistance(wanted, candidate.toLowerCase(), limit);
    if (distance <= limit) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Levenshtein's distance, or any number above `limit` when it is greater than that. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(replaced, previous[j]! + 1, current[j - 1]! + 1));
    }
    previous = current;
  }
  return previous[b.length]!;
}
