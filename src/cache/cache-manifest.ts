import { isDigest } from '../image/digest.ts';
import type { Descriptor, ImageConfig } from '../image/types.ts';
import { type CacheIdentity, isCacheIdentity } from '../store/cache-mounts.ts';
import type { LayerBlob, LayerRecord } from '../store/layers.ts';
import { layerId } from '../store/layers.ts';
import { KEY_VERSION, type StepRecord } from '../store/records.ts';
import type { CacheDocument } from './place.ts';

/**
 * A cache in a registry or layout is an OCI artifact. Its config lists steps and cache mounts; its blobs are layers,
 * their indexes, and archives of cache mounts.
 */
export const CACHE_MEDIA = {
  artifact: 'application/vnd.jettison.cache.v1',
  config: 'application/vnd.jettison.cache.config.v1+json',
  index: 'application/vnd.jettison.cache.index.v1+gzip',
} as const;

/** The member of an image's config that holds an inline cache. */
export const INLINE_MEMBER = 'jettison.cache.v1';

/** The config of a cache, or the member `INLINE_MEMBER` of an image's config. */
export interface CacheConfig {
  /** `KEY_VERSION`: caches of other versions are not used. */
  version: typeof KEY_VERSION;
  steps: CachedStep[];
  mounts?: CachedMount[];
}

/** A step that another machine has executed, and its layer. */
export interface CachedStep {
  step: Pick<StepRecord, 'definition' | 'key' | 'title'>;
  layer: LayerRecord;
  packed: LayerBlob;
  /** The layer's index, compressed by gzip; absent in an inline cache. */
  index?: Descriptor;
}

/** The archive of a cache mount of another machine. */
export interface CachedMount {
  cache: CacheIdentity;
  /** A compressed tar of this mount alone, in the format of `jettison cache-mounts export`. */
  archive: Descriptor;
}

/**
 * The cache in a document of a place. Invalid entries are left out.
 *
 * @returns undefined for a document without a cache, or with one of another version
 */
export function readCache({ manifest, config }: CacheDocument): Required<CacheConfig> | undefined {
  const image = (config ?? {}) as Partial<ImageConfig> & Record<string, unknown>;
  const inline = image[INLINE_MEMBER];
  const { version, steps, mounts } = (inline ?? image) as { [member in keyof CacheConfig]?: unknown };
  if (version !== KEY_VERSION || !Array.isArray(steps)) return undefined;
  const sound = (steps as Partial<CachedStep>[]).filter(isStep);
  if (inline === undefined) {
    return {
      version,
      steps: sound,
      mounts: Array.isArray(mounts) ? (mounts as Partial<CachedMount>[]).filter(isMount) : [],
    };
  }
  // An inline cache: the blobs are those of the image's manifest.
  const diffIds = image.rootfs?.diff_ids ?? [];
  const own = sound.flatMap(({ index: _, ...step }) => {
    const { diffId } = step.packed;
    const blob = manifest.layers[diffIds.indexOf(diffId)];
    return blob === undefined ? [] : [{ ...step, packed: { diffId, blob } }];
  });
  return { version, steps: own, mounts: [] };
}

function isStep(one: Partial<CachedStep>): one is CachedStep {
  const { step, layer, packed, index } = one ?? {};
  return (
    isDigest(String(step?.definition)) &&
    isDigest(String(step?.key)) &&
    typeof step?.title === 'string' &&
    isDigest(String(layer?.key)) &&
    layer?.id === layerId(layer!.key) &&
    isDigest(String(layer?.content)) &&
    [layer?.entries, layer?.size, layer?.indexSize].every(isCount) &&
    typeof layer?.created === 'string' &&
    ['copy', 'workdir', 'run', 'archive'].includes(String(layer?.kind)) &&
    isDigest(String(packed?.diffId)) &&
    isDescriptor(packed?.blob) &&
    (index === undefined || isDescriptor(index))
  );
}

function isMount(one: Partial<CachedMount>): one is CachedMount {
  return isCacheIdentity(one?.cache) && isDescriptor(one?.archive);
}

function isDescriptor(value: Partial<Descriptor> | undefined): boolean {
  return isDigest(String(value?.digest)) && isCount(value?.size) && typeof value?.mediaType === 'string';
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
