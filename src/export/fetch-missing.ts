import type { Digest } from '../image/digest.ts';
import type { ImageParts } from '../image/image.ts';
import type { Descriptor } from '../image/types.ts';
import { parallel, TRANSFERS } from '../registry/parallel.ts';
import { fetchBlob } from '../registry/pull.ts';
import type { Registries } from '../registry/registries.ts';
import type { Store } from '../store/store.ts';

/**
 * Fetches what images still lack in the store: layers of their bases that no build ever needed.
 *
 * @param registries made only when something is missing
 * @throws JettisonError `BLOB_MISSING` when the origin of a layer is unknown, `REGISTRY_…`
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
  const opened = await registries();
  try {
    await parallel(missing.values(), TRANSFERS, async (layer) => {
      await fetchBlob(store, opened, undefined, layer);
    });
  } finally {
    opened.close();
  }
}
