import { gzipSync } from 'node:zlib';
import { parseReference } from '../image/reference.ts';
import { type Descriptor, MEDIA } from '../image/types.ts';
import type { LayerIndex } from '../layer/layer-index.ts';
import { pushImage } from '../registry/push.ts';
import type { Registries } from '../registry/registries.ts';
import type { Store } from '../store/store.ts';
import { CACHE_MEDIA, type CachedStep } from './format.ts';
import { LayoutFolder } from './layout-folder.ts';
import type { CacheTarget } from './places.ts';

/** A step to be shared, with its layer's index. */
export interface SharedStep extends Omit<CachedStep, 'index'> {
  index: () => Promise<LayerIndex>;
}

/**
 * Writes the steps of a build to where other machines find them. Blobs go first, what names them last: whoever
 * reads at the same time finds the old cache or the new one; of several who write, the last one's stays.
 *
 * @param fetchBlob has the store hold a layer's blob
 */
export async function exportCache(
  store: Store,
  target: Exclude<CacheTarget, { type: 'inline' }>,
  steps: SharedStep[],
  registries: (insecure: boolean) => Promise<Registries>,
  fetchBlob: (blob: Descriptor) => Promise<void>,
): Promise<void> {
  const listed: CachedStep[] = [];
  const blobs = new Map<string, Descriptor>();
  for (const { index, ...step } of steps) {
    const bytes = gzipSync((await index()).bytes, { level: 6 });
    const described: Descriptor = { mediaType: CACHE_MEDIA.index, ...store.blobs.write(bytes) };
    listed.push({ ...step, index: described });
    for (const blob of [described, step.packed.blob]) blobs.set(blob.digest, blob);
  }
  listed.sort((a, b) => (a.step.definition < b.step.definition ? -1 : 1));
  const config = store.blobs.writeJson({ version: 1, steps: listed }, CACHE_MEDIA.config);
  const layers = [...blobs.values()].map(({ mediaType, digest, size }) => ({ mediaType, digest, size }));
  const manifest = store.blobs.writeJson(
    {
      schemaVersion: 2,
      mediaType: MEDIA.ociManifest,
      artifactType: CACHE_MEDIA.artifact,
      config,
      layers,
    },
    MEDIA.ociManifest,
  );
  if (target.type === 'registry') {
    const opened = await registries(target.insecure ?? false);
    await pushImage(store, opened, parseReference(target.ref), manifest);
    return;
  }
  for (const { packed } of listed) await fetchBlob(packed.blob);
  await new LayoutFolder(target.path).write(store, [config, ...layers], manifest, target.tag ?? 'latest');
}

/** The member of an image's config that makes it a cache of its own layers. */
export function inlineCache(steps: Omit<SharedStep, 'index'>[]): unknown {
  return {
    version: 1,
    steps: steps.map(({ step, layer, packed }) => ({ step, layer, packed })),
  };
}
