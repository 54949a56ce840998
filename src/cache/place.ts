import type { OnProgress } from '../events/transfer.ts';
import type { Descriptor, Manifest } from '../image/types.ts';

/** A blob of a cache to be written. */
export interface CacheBlob extends Descriptor {
  /** Downloads or makes it in the store. Called only if the place lacks the blob. */
  fetch: () => Promise<void>;
}

/** The document under a place's name: a cache, or an image that may hold one. */
export interface CacheDocument {
  manifest: Manifest;
  config: unknown;
}

/**
 * A place that stores caches. A cache is a manifest, its config (see `cache-manifest.ts`) and blobs, so a place can be
 * anything that stores small documents by name and blobs by digest. Everything fetched is verified by its digest.
 */
export interface CachePlace {
  /** Whether later commands with this store can fetch blobs. If not, blobs of images are copied at once. */
  readonly lasting: boolean;
  /** The documents. @throws JettisonError `CACHE_MISSING` when there are none, `CACHE_INVALID`, `REGISTRY_…` */
  read(onProgress?: OnProgress): Promise<CacheDocument[]>;
  /** Downloads a blob into the store. */
  fetch(blob: Descriptor, onProgress?: OnProgress): Promise<void>;
  /** Whether the place has the complete blob. */
  holds(blob: Descriptor): Promise<boolean>;
  /**
   * Writes the missing blobs, then gives the manifest (a blob of the store) the place's name. A concurrent reader gets
   * the old cache or the new one; of concurrent writers, the last one wins.
   */
  write(blobs: readonly CacheBlob[], manifest: Descriptor, onProgress?: OnProgress): Promise<void>;
}
