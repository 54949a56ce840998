import { parseDuration } from '../../dockerfile/duration.ts';
import { usageError } from '../usage.ts';

/** What `--filter until=AGE` says, or a default. */
export interface Age {
  /** As it was typed. */
  text: string;
  ms: number;
}

/**
 * Reads `until=24h`, the only filter that pruning has.
 *
 * @throws JettisonError `USAGE`
 */
export function untilFilter(filter: string | undefined): Age | undefined {
  if (filter === undefined) return undefined;
  if (!filter.startsWith('until=')) {
    throw usageError(`there is no filter "${filter}"`, 'The only filter is until=AGE.');
  }
  const text = filter.slice('until='.length);
  const nanoseconds = parseDuration(text);
  if (nanoseconds === undefined || nanoseconds < 0) {
    throw usageError(`"${text}" is not a duration`, 'Write it like 24h or 1h30m.');
  }
  return { text, ms: nanoseconds / 1e6 };
}
