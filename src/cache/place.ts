import type { OnProgress } from '../events/transfer.ts';
import type { Descriptor, Manifest } from '../image/types.ts';

/** A blob to be kept, with a way to have the store hold it that is taken only when the place lacks it. */
export interface CacheBlob extends Descriptor {
  fetch: () => Promise<void>;
}

/** The document under a place's name: a cache, or an image that may hold one. */
export interface CacheDocument {
  manifest: Manifest;
  config: unknown;
}

/**
 * A place that keeps caches. A cache is a manifest, its config (see `cache-manifest.ts`) and blobs, so that whatever can keep
 * small documents under names and blobs under digests can be one. All that is fetched is verified by its digest.
 */
export interface CachePlace {
  /** Whether blobs can be fetched later, by anybody who has the store: nothing has to be copied up front. */
  readonly lasting: boolean;
  /** The documents. @throws JettisonError `CACHE_MISSING` when there are none, `CACHE_INVALID`, `REGISTRY_…` */
  read(onProgress?: OnProgress): Promise<CacheDocument[]>;
  /** Downloads a blob into the store. */
  fetch(blob: Descriptor, onProgress?: OnProgress): Promise<void>;
  /** Whether the place holds a blob, whole. */
  holds(blob: Descriptor): Promise<boolean>;
  /**
   * Keeps the blobs that are missing, and then gives the manifest, which the store holds, the place's name. Whoever
   * reads at the same time finds the old cache or the new one; of several who write, the last one's stays.
   */
  write(blobs: readonly CacheBlob[], manifest: Descriptor, onProgress?: OnProgress): Promise<void>;
}
