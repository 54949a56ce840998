/** Milliseconds of work before the event loop gets a turn. */
const TURN_MS = 20;

/** CPU-bound work that yields now and then, and returns its result. */
export type Turns<T> = Generator<undefined, T, undefined>;

/**
 * Runs such work in turns with the event loop, so that signals and other work are handled.
 *
 * @throws the signal's reason if it is aborted before the work is done
 */
export async function inTurns<T>(work: Turns<T>, signal: AbortSignal | undefined): Promise<T> {
  let turn = Date.now();
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
    if (Date.now() - turn <= TURN_MS) continue;
    await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
    turn = Date.now();
  }
}
