/** How long to work before other work gets a turn, in milliseconds. */
const TURN_MS = 20;

/** Work of the processor alone that can be interrupted: it yields now and then, and returns its result. */
export type Turns<T> = Generator<undefined, T, undefined>;

/**
 * Does such work without keeping signals and other work waiting.
 *
 * @throws the signal's reason, when it is aborted before the work is done
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
