import { EXIT, JettisonError } from '../errors/error.ts';
import type { ImageSet } from '../image/image.ts';
import type { Delivery } from './delivery.ts';
import { exporterOf, isImageOutput, type Output } from './exporters.ts';

/**
 * Delivers a build's result to all outputs, one after the other. The image is made first, in the form of the first
 * output with an image. Without such an output no layer is packed.
 *
 * @returns that image, and its canonical names
 */
export async function exportAll(
  job: Delivery,
  outputs: readonly Output[],
): Promise<{ made: ImageSet | undefined; names: string[] }> {
  const images = outputs.filter(isImageOutput);
  let made: ImageSet | undefined;
  if (images.length > 0) {
    const started = Date.now();
    job.emit({ type: 'export.started', what: 'image' });
    made = await job.maker.make(images[0]!.form);
    job.signal.throwIfAborted();
    for (const output of images) await exporterOf(output).keep?.(job, output);
    job.emit({ type: 'export.finished', what: 'image', durationMs: Date.now() - started });
  }
  for (const output of outputs) {
    checkPlatforms(job, output);
    await exporterOf(output).deliver(job, output);
  }
  return { made, names: [...new Set(images.flatMap(({ names }) => names ?? job.tags))] };
}

function checkPlatforms({ built }: Delivery, output: Output): void {
  const { platforms } = exporterOf(output);
  const held = typeof platforms === 'function' ? platforms(output) : platforms;
  if (held === 'many' || built.length === 1) return;
  throw new JettisonError(
    'OUTPUT_INVALID',
    `an output of type "${output.type}" takes one platform, and the build has ${built.length}`,
    {
      hint: 'Build one platform at a time, or use -o type=oci, type=local or --push.',
      exitCode: EXIT.usage,
    },
  );
}
