import { USERS } from './command.ts';
import { randomNumbers, SEED } from './seed.ts';

/**
 * Whether all cases are run, as `npm run test:thorough` does: every file that imports this module belongs to it.
 * `npm test` takes a sample of cases that assert the same of many inputs, users or machines.
 */
export const IS_THOROUGH = process.env['JETTISON_THOROUGH'] === '1';

/** All cases in a thorough run, else so many of them in their order, others for each seed. */
export function sample<T>(cases: readonly T[], count: number): T[] {
  if (IS_THOROUGH) return [...cases];
  const random = randomNumbers(SEED);
  const drawn = cases.map((one, at) => ({ one, at, rank: random() })).sort((a, b) => a.rank - b.rank);
  return drawn
    .slice(0, count)
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one);
}

/** Who runs the command in tests of which `npm test` takes one user. As which user a test cannot act, it skips. */
export const TEST_USERS = process.getuid?.() === 0 ? sample(USERS, 1) : USERS;
