import { JettisonError } from '../errors/error.ts';

const LOST = 'LAYER_LOST';

/** The error for a layer that a cache lists, and that cannot be fetched from it. */
export function lostLayer(error: JettisonError): JettisonError {
  return new JettisonError(LOST, `a layer of a cache cannot be fetched: ${error.message}`, {
    hint: 'Build without that --cache-from; when there is none, with --no-cache.',
    cause: error,
  });
}

/** Whether a step could not be carried out since a layer of a cache is lost: it can be when that has been made anew. */
export function isLost(error: unknown): boolean {
  return error instanceof JettisonError && error.code === LOST;
}

/** What can go on when layers of caches are lost. */
interface Recoverable {
  /**
   * Forgets what depends on lost layers, so that it is solved again.
   *
   * @returns whether there was such a thing
   */
  forgetLost(error: JettisonError): Promise<boolean>;
}

/**
 * Does some work, and does it again whenever a layer of a cache turned out to be lost: its step is carried out then.
 * Every time some layer is lost for good, so this ends.
 *
 * @throws what the work throws
 */
export async function despiteLosses<T>(
  solvers: readonly Recoverable[],
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isLost(error) || signal.aborted) throw error;
      const forgotten = await Promise.all(solvers.map((solver) => solver.forgetLost(error as JettisonError)));
      if (!forgotten.includes(true)) throw error;
    }
  }
}
