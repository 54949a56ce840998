import type { Digest } from '../image/digest.ts';
import type { ImageParts } from '../image/image.ts';
import type { Descriptor } from '../image/types.ts';
import { parallel, TRANSFERS } from '../registry/parallel.ts';
import { fetchBlob } from '../registry/pull.ts';
import type { Store } from '../store/store.ts';

/**
 * Downloads the layers of images that the store lacks: those of base images that no build has read.
 *
 * @param options of the registries, which are opened only if a layer is missing
 * @throws JettisonError `BLOB_MISSING` when the origin of a layer is unknown, `REGISTRY_…`
 */
export async function fetchMissing(
  store: Store,
  images: ImageParts[],
  { env, signal }: { env: NodeJS.ProcessEnv; signal: AbortSignal },
): Promise<void> {
  const missing = new Map<Digest, Descriptor>();
  for (const { manifest } of images) {
    for (const layer of manifest.layers) {
      if (!store.blobs.has(layer.digest, layer.size)) missing.set(layer.digest, layer);
    }
  }
  if (missing.size === 0) return;
  const { useRegistries } = await import('../registry/registries.ts');
  await useRegistries({ env, signal }, (registries) =>
    parallel(missing.values(), TRANSFERS, (layer) => fetchBlob(store, registries, undefined, layer)),
  );
}
