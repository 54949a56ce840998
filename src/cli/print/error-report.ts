import { EXIT, JettisonError } from '../../errors/error.ts';
import { renderError } from '../../errors/render.ts';
import { wantsColor } from '../../errors/style.ts';
import { fromSystemError } from '../../errors/system.ts';
import { defaultHome } from '../../store/layout.ts';
import type { Io } from '../command.ts';

/**
 * Prints a command's error on standard error. A non-empty `JETTISON_DEBUG` adds the stack trace to every error, not only
 * to bugs.
 *
 * @returns its exit code
 */
export function reportError(thrown: unknown, io: Io): number {
  const options = { color: wantsColor(io.stderr, io.env), stack: Boolean(io.env['JETTISON_DEBUG']) };
  if (io.signal.aborted) {
    const says = thrown instanceof JettisonError && thrown.exitCode === EXIT.interrupted;
    const error = says ? thrown : new JettisonError('INTERRUPTED', 'interrupted');
    io.stderr.write(renderError(error, { color: options.color }));
    return EXIT.interrupted;
  }
  const error = fromSystemError(thrown, defaultHome(io.env)) ?? thrown;
  io.stderr.write(renderError(error, options));
  return error instanceof JettisonError ? error.exitCode : EXIT.failed;
}
