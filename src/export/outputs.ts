import type { Store } from '../store/store.ts';
import type { Delivery } from './delivery.ts';
import type { MadeImage } from './image-maker.ts';
import { isImageOutput, type Output } from './output.ts';

/**
 * Hands a build's result to all its outputs, one after the other. The image is made before anything else, for the
 * first output that is one; without such, no layer is packed.
 *
 * @returns that image, and the canonical names that it has got
 */
export async function exportAll(
  job: Delivery,
  outputs: readonly Output[],
): Promise<{ made: MadeImage | undefined; names: string[] }> {
  const images = outputs.filter(isImageOutput);
  let made: MadeImage | undefined;
  if (images.length > 0) {
    const started = Date.now();
    job.emit({ type: 'export.started', what: 'image' });
    made = await job.maker.make(images[0]!.form);
    job.signal.throwIfAborted();
    // The store is quick, and what fails elsewhere must not cost the image.
    for (const output of images) {
      if (output.type === 'image') {
        keepImage(job.store, output.names ?? job.tags, await job.maker.make(output.form));
      }
    }
    job.emit({ type: 'export.finished', what: 'image', durationMs: Date.now() - started });
  }
  for (const output of outputs) {
    if (output.type === 'image' && !output.push) continue;
    const { deliver } = await import('./deliver.ts');
    await deliver(job, output);
  }
  return { made, names: [...new Set(images.flatMap(({ names }) => names ?? job.tags))] };
}

/** Gives an image its names in the store. */
function keepImage(store: Store, names: string[], { target }: MadeImage): void {
  for (const name of names) store.images.put(name, target);
  if (names.length === 0) store.images.putNameless(target);
}
