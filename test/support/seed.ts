/**
 * What random inputs are made of: JETTISON_SEED where it is set (`.ci/run` takes it from the commit, so that
 * a failure there comes again on the same files), another number each time where it is not.
 */
export const SEED = Number(process.env['JETTISON_SEED'] ?? Date.now() % 2 ** 31);
