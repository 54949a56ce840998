import { type OnProgress, sparing } from '../events/transfer.ts';
import type { Delivery } from './delivery.ts';

/** Emits the events around a delivery, and of the bytes that it moves. */
export async function reported(
  { emit }: Delivery,
  what: string,
  work: (onProgress: OnProgress) => Promise<void>,
): Promise<void> {
  const started = Date.now();
  emit({ type: 'export.started', what });
  await work(sparing((progress) => emit({ type: 'transfer', of: what, direction: 'out', ...progress })));
  emit({ type: 'export.finished', what, durationMs: Date.now() - started });
}
