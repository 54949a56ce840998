import { parseDuration } from '../../dockerfile/duration.ts';
import { usageError } from '../../errors/error.ts';

/** The age of `--filter until=AGE`. */
export interface Age {
  /** As it was typed. */
  text: string;
  ms: number;
}

/**
 * Parses `until=24h`, the only filter for pruning.
 *
 * @throws JettisonError `USAGE`
 */
export function untilFilter(filter: string): Age {
  if (!filter.startsWith('until=')) {
    throw usageError(`unknown filter "${filter}"`, 'The only filter is until=AGE.');
  }
  const text = filter.slice('until='.length);
  const nanoseconds = parseDuration(text);
  if (nanoseconds === undefined || nanoseconds < 0) {
    throw usageError(`invalid duration "${text}"`, 'Write it like 24h or 1h30m.');
  }
  return { text, ms: nanoseconds / 1e6 };
}
