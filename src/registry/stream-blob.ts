import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { Descriptor } from '../image/types.ts';
import type { Registries } from './registries.ts';
import type { ReadReference } from './registry-rules.ts';

/** Bytes that wait for whoever reads. */
const WAITING = 1 << 20;

/**
 * The bytes of a blob while they arrive: from the mirrors in turn, then from the registry itself. Where a mirror fails in the
 * middle, the next place gives the rest. The caller verifies the digest.
 *
 * @throws JettisonError `REGISTRY_…`
 */
export async function* streamBlob(
  registries: Registries,
  reference: ReadReference,
  blob: Descriptor,
): AsyncGenerator<Buffer> {
  const passed = new PassThrough({ highWaterMark: WAITING });
  let given = 0;
  const reading = registries.read(reference, async (repository) => {
    let at = 0;
    for await (const chunk of repository.blob(blob)) {
      const fresh = chunk.subarray(Math.max(0, given - at));
      at += chunk.length;
      if (fresh.length === 0) continue;
      given += fresh.length;
      if (!passed.write(fresh)) await Promise.race([once(passed, 'drain'), once(passed, 'close')]);
      // Nobody reads on.
      if (passed.destroyed) return;
    }
  });
  const ended = reading.then(
    () => passed.end(),
    (error: Error) => passed.destroy(error),
  );
  try {
    yield* passed as AsyncIterable<Buffer>;
  } finally {
    passed.destroy();
    await ended;
  }
}
