import { closest } from '../errors/closest.ts';

/** Docker suggests words within two edits. */
const MOST_EDITS = 2;

/** The nearest candidate within Docker's limits; undefined without one, and for a word that is a candidate itself. */
export function findDidYouMean(word: string, candidates: Iterable<string>): string | undefined {
  // Two edits turn any two-letter word into any other, so at least one letter must stay.
  const limit = (a: string, b: string) => Math.min(MOST_EDITS, Math.max(a.length, b.length) - 1);
  const near = closest(word, candidates, limit);
  return near === word ? undefined : near;
}
