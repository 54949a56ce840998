import { EXIT, JettisonError } from './error.ts';

/** The error for an invalid command line: exit code 2. */
export function usageError(message: string, hint: string): JettisonError {
  return new JettisonError('USAGE', message, { hint, exitCode: EXIT.usage });
}
