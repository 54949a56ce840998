import { JettisonError } from '../errors/error.ts';
import type { Digest } from '../image/digest.ts';
import type { Descriptor } from '../image/types.ts';
import { Origins } from '../registry/origins.ts';
import { parallel, TRANSFERS } from '../registry/parallel.ts';
import { fetchBlob } from '../registry/pull.ts';
import type { Registries } from '../registry/registries.ts';
import type { ImageParts } from '../store/lookup.ts';
import type { Store } from '../store/store.ts';

/**
 * Fetches what images still lack in the store: layers of their bases that no build ever needed.
 *
 * @param registries made only when something is missing
 * @throws JettisonError `BLOB_MISSING` when nobody knows where a layer came from, and what the registry says
 */
export async function fetchMissing(
  store: Store,
  images: ImageParts[],
  registries: () => Promise<Registries>,
): Promise<void> {
  const missing = new Map<Digest, Descriptor>();
  for (const { manifest } of images) {
    for (const layer of manifest.layers) {
      if (!store.blobs.has(layer.digest, layer.size)) missing.set(layer.digest, layer);
    }
  }
  if (missing.size === 0) return;
  const origins = new Origins(store.layout);
  const opened = await registries();
  try {
    await parallel(missing.values(), TRANSFERS, async (layer) => {
      const [origin] = origins.of(layer.digest);
      if (origin === undefined) {
        throw new JettisonError('BLOB_MISSING', `the store does not hold the layer ${layer.digest}`, {
          hint: 'Pull the image, or the base that it was built on, again.',
        });
      }
      await fetchBlob(store, opened, origin, layer);
    });
  } finally {
    opened.close();
  }
}
