import { JettisonError } from '../errors/error.ts';

const LOST = 'LAYER_LOST';

/** The error for a layer of a cache that cannot be fetched. */
export function lostLayer(error: JettisonError): JettisonError {
  return new JettisonError(LOST, `a layer of a cache cannot be fetched: ${error.message}`, {
    hint: 'Build without that --cache-from, or else with --no-cache.',
    cause: error,
  });
}

/** Whether a step failed because a layer of a cache is lost. It can succeed once that layer has been made again. */
export function isLost(error: unknown): boolean {
  return error instanceof JettisonError && error.code === LOST;
}

/** A solver that can continue after the loss of layers. */
interface Recoverable {
  /**
   * Forgets the stages that depend on lost layers, so that they are solved again.
   *
   * @returns whether there were any
   */
  forgetLost(error: JettisonError): Promise<boolean>;
}

/**
 * Runs work, and repeats it whenever a layer of a cache was lost, whose step is then executed. It ends, since each
 * repetition excludes at least one layer.
 *
 * @throws the errors of the work
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
