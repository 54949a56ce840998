import { isDigest } from '../image/digest.ts';
import type { ImageParts } from '../image/image.ts';
import { familiarName } from '../image/reference.ts';
import type { Descriptor } from '../image/types.ts';
import { imageOfParts } from '../images/image-of.ts';
import { inspect } from '../inspect/inspect.ts';
import { writeBill } from '../sbom/write-bill.ts';
import type { Store } from '../store/store.ts';

/**
 * The SPDX document of an image of the store.
 *
 * @param name canonical, or a digest
 * @param time in seconds since 1970; default: when the image was made
 */
export async function sbomOf(
  parts: ImageParts,
  name: string,
  {
    store,
    signal,
    time,
    fetchBlob,
  }: {
    store: Store;
    signal: AbortSignal;
    time: number | undefined;
    fetchBlob: (blob: Descriptor) => Promise<void>;
  },
): Promise<object> {
  async function* open(blob: Descriptor): AsyncGenerator<Buffer> {
    await fetchBlob(blob);
    yield* store.blobs.stream(blob.digest) as AsyncIterable<Buffer>;
  }
  const label = isDigest(name) ? name : familiarName(name);
  const inspection = await inspect(imageOfParts(parts, { label, open }), { store, signal });
  return writeBill(inspection, 'spdx', { time });
}
