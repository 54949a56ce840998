import { closest } from '../errors/closest.ts';

/** Docker suggests words within two edits. */
const MOST_EDITS = 2;

/** The candidate that was probably meant, by Docker's limits. Undefined when the word itself is one. */
export function findDidYouMean(word: string, candidates: Iterable<string>): string | undefined {
  // Two edits turn any two-letter word into any other: a word must keep at least one of its letters.
  const limit = (a: string, b: string) => Math.min(MOST_EDITS, Math.max(a.length, b.length) - 1);
  const near = closest(word, candidates, limit);
  return near === word ? undefined : near;
}
