import { JettisonError, type Location } from './error.ts';

/**
 * Does some work for an instruction, and gives errors that have no place yet the instruction's.
 *
 * @throws what the work throws
 */
export async function located<T>(
  instruction: { location: Location; source: string },
  work: () => T | Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw placed(error, instruction);
  }
}

/** The error itself, or if it is one of ours without a place, the same error at the instruction's. */
export function placed(
  error: unknown,
  { location, source }: { location: Location; source: string },
): unknown {
  if (!(error instanceof JettisonError) || error.location !== undefined) return error;
  const { hint, exitCode, details, cause } = error;
  return new JettisonError(error.code, error.message, {
    location,
    source,
    exitCode,
    ...(hint === undefined ? {} : { hint }),
    ...(details === undefined ? {} : { details }),
    ...(cause === undefined ? {} : { cause }),
  });
}
