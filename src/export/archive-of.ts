import { parallel, TRANSFERS } from '../registry/parallel.ts';
import { type ArchiveFormat, writeArchive } from './archive-write.ts';
import type { Delivery } from './delivery.ts';
import { imageOf } from './image-keys.ts';
import type { ImageOptions } from './output.ts';

/** The archive of a build's image; layers of its base that are missing are fetched first. */
export async function archiveOf(
  job: Delivery,
  output: ImageOptions,
  format: ArchiveFormat,
): Promise<AsyncIterable<Buffer>> {
  const { made, names } = await imageOf(job, output);
  const layers = made.images.flatMap(({ manifest }) => manifest.layers);
  await parallel(layers, TRANSFERS, job.fetchBlob);
  return writeArchive(job.store, [{ ...made, names }], format);
}
