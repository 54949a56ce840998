import type { Turns } from '../../src/solve/turns.ts';

/** Does work at once that can be done in turns. */
export function atOnce<T>(work: Turns<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}
