import { JettisonError } from '../errors/error.ts';

/** Whether a RUN has failed, and what it left can be looked at. */
export function isKept(error: unknown): error is JettisonError {
  return error instanceof JettisonError && error.details?.['kept'] !== undefined;
}
