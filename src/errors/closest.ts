/** Comparing takes the product of both lengths: longer words get no suggestion. */
const LONGEST = 200;

/**
 * The candidate nearest to a word, by letters that are wrong, missing, extra or swapped, whatever the case. Undefined
 * when none is near enough.
 *
 * @param limit how many such letters a candidate may have; default: a third of the word's
 */
export function closest(
  word: string,
  candidates: Iterable<string>,
  limit: (word: string, candidate: string) => number = aThird,
): string | undefined {
  if (word.length > LONGEST) return undefined;
  const typed = word.toLowerCase();
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    if (candidate === word) return word;
    const most = Math.min(bestDistance - 1, limit(word, candidate));
    if (Math.abs(candidate.length - typed.length) > most) continue;
    const distance = editDistance(typed, candidate.toLowerCase());
    if (distance > most) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best;
}

function aThird(word: string): number {
  return Math.max(1, Math.floor(word.length / 3));
}

/** Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, beforeLast[j - 2]! + 1);
      }
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
