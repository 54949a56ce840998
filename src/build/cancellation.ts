import { EXIT, JettisonError } from '../errors/error.ts';

/**
 * Aborts the other parts of a build when one fails. A cancelled build does not wait for its parts, which end with the
 * worker.
 */
export async function abortOnFailure<T>(cancel: AbortController, work: Promise<T>): Promise<T> {
  const { signal } = cancel;
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
  });
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } catch (error) {
    if (!signal.aborted) cancel.abort(error);
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** The controller that cancels a build; the caller's signal aborts it, until `release` is called. */
export function cancelledBy(signal: AbortSignal | undefined): {
  cancel: AbortController;
  release: () => void;
} {
  const cancel = new AbortController();
  const interrupt = () => cancel.abort(interrupted());
  if (signal?.aborted) interrupt();
  signal?.addEventListener('abort', interrupt, { once: true });
  return { cancel, release: () => signal?.removeEventListener('abort', interrupt) };
}

/** Whether a RUN has failed, and its changes are in the store. */
export function hasKeptFailure(error: unknown): error is JettisonError {
  return error instanceof JettisonError && error.details?.['kept'] !== undefined;
}

/** The error of an interrupted build. */
export function interrupted(): JettisonError {
  return new JettisonError('INTERRUPTED', 'the build was interrupted', { exitCode: EXIT.interrupted });
}
