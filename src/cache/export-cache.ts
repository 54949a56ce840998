import { gzipSync } from 'node:zlib';
import type { OnProgress } from '../events/transfer.ts';
import { type Descriptor, MEDIA } from '../image/types.ts';
import type { LayerIndex } from '../layer/layer-index.ts';
import type { CacheIdentity } from '../store/cache-mounts.ts';
import { KEY_VERSION } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import { CACHE_MEDIA, type CacheConfig, type CachedMount, type CachedStep } from './cache-manifest.ts';
import type { CacheBlob, CachePlace } from './place.ts';

/** A step to export. */
export interface SharedStep extends Omit<CachedStep, 'index'> {
  /** The layer's index, or its blob for a step of another cache, which may have none. */
  index: (() => Promise<LayerIndex>) | Descriptor | undefined;
  /** Downloads the layer's blob, or the blob of its index, into the store. */
  fetch: (blob: Descriptor) => Promise<void>;
}

/** A cache mount to export. */
export type SharedMount =
  /** A mount of another cache. */
  | (CachedMount & { fetch: () => Promise<void> })
  | {
      cache: CacheIdentity;
      /** The last archive, if it is still current: a place that has it needs no new one. */
      known: () => Promise<Descriptor | undefined>;
      /** Makes an archive of it in the store. @returns undefined for an empty mount */
      pack: () => Promise<Descriptor | undefined>;
    };

/** Writes the steps of a build, and the contents of its cache mounts, to a place that other machines read. */
export async function exportCache(
  store: Store,
  place: CachePlace,
  steps: readonly SharedStep[],
  mounts: readonly SharedMount[],
  onProgress?: OnProgress,
): Promise<void> {
  const blobs = new Map<string, CacheBlob>();
  const add = (blob: Descriptor, fetch: (blob: Descriptor) => Promise<void> = async () => {}) =>
    blobs.set(blob.digest, { ...blob, fetch: () => fetch(blob) });
  const cache: CacheConfig & { mounts: CachedMount[] } = { version: KEY_VERSION, steps: [], mounts: [] };
  for (const { index, fetch, ...step } of steps) {
    const described = typeof index === 'function' ? writeIndex(store, await index()) : index;
    cache.steps.push({ ...step, ...(described && { index: described }) });
    if (described !== undefined) add(described, fetch);
    add(step.packed.blob, fetch);
  }
  cache.steps.sort((a, b) => (a.step.definition < b.step.definition ? -1 : 1));
  for (const mount of mounts) {
    const archive = 'archive' in mount ? mount.archive : await ownArchive(place, mount);
    if (archive === undefined) continue;
    cache.mounts.push({ cache: mount.cache, archive });
    add(archive, 'fetch' in mount ? mount.fetch : undefined);
  }
  const config = store.blobs.writeJson(cache, CACHE_MEDIA.config);
  add(config);
  const layers = [...blobs.values()]
    .filter(({ digest }) => digest !== config.digest)
    .map(({ mediaType, digest, size }) => ({ mediaType, digest, size }));
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
  await place.write([...blobs.values()], manifest, onProgress);
}

async function ownArchive(place: CachePlace, mount: Extract<SharedMount, { pack: unknown }>) {
  const known = await mount.known();
  return known !== undefined && (await place.holds(known)) ? known : mount.pack();
}

function writeIndex(store: Store, { bytes }: LayerIndex): Descriptor {
  return { mediaType: CACHE_MEDIA.index, ...store.blobs.write(gzipSync(bytes, { level: 6 })) };
}

/** The value of `INLINE_MEMBER` in an image's config. */
export function inlineCache(steps: readonly SharedStep[]): CacheConfig {
  return {
    version: KEY_VERSION,
    steps: steps.map(({ step, layer, packed }) => ({ step, layer, packed })),
  };
}
