/**
 * What random inputs are made of: JETTISON_SEED where it is set (`.ci/run` takes it from the commit, so that
 * a failure there comes again on the same files), another number each time where it is not.
 */
export const SEED = Number(process.env['JETTISON_SEED'] ?? Date.now() % 2 ** 31);

/** Numbers from 0 to 1 that are the same for the same seed (the mulberry32 generator). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
