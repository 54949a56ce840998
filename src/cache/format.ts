import { isDigest } from '../image/digest.ts';
import type { Descriptor } from '../image/types.ts';
import type { LayerBlob, LayerRecord } from '../store/layers.ts';
import { layerId } from '../store/layers.ts';
import type { StepRecord } from '../store/records.ts';

/** What a cache is in a registry or layout: an OCI artifact whose config lists steps, and whose blobs are layers. */
export const CACHE_MEDIA = {
  artifact: 'application/vnd.jettison.cache.v1',
  config: 'application/vnd.jettison.cache.config.v1+json',
  index: 'application/vnd.jettison.cache.index.v1+gzip',
} as const;

/** The member of an image's config that holds an inline cache. */
export const INLINE_MEMBER = 'jettison.cache.v1';

/** A step that another machine has carried out: what it is, and the layer that came of it. */
export interface CachedStep {
  step: Pick<StepRecord, 'definition' | 'key' | 'title'>;
  layer: LayerRecord;
  packed: LayerBlob;
  /** The layer's index, compressed; an inline cache has none. */
  index?: Descriptor;
}

/** The steps of a cache's config; those that cannot be right are left out. */
export function readSteps(value: unknown): CachedStep[] {
  const { version, steps } = (value ?? {}) as { version?: unknown; steps?: unknown };
  if (version !== 1 || !Array.isArray(steps)) return [];
  return (steps as Partial<CachedStep>[]).filter(isSound);
}

function isSound(one: Partial<CachedStep>): one is CachedStep {
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

function isDescriptor(value: Partial<Descriptor> | undefined): boolean {
  return isDigest(String(value?.digest)) && isCount(value?.size) && typeof value?.mediaType === 'string';
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
