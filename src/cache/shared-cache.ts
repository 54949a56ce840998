import { gunzipSync } from 'node:zlib';
import { JettisonError } from '../errors/error.ts';
import type { Digest } from '../image/digest.ts';
import type { Descriptor } from '../image/types.ts';
import type { LayerIndex } from '../layer/layer-index.ts';
import { soundIndex } from '../layer/sound-index.ts';
import { type CacheIdentity, cacheName } from '../store/cache-mounts.ts';
import { installBlob, installLayer } from '../store/layers.ts';
import type { Store } from '../store/store.ts';
import type { CacheSource } from './backends.ts';
import { type CachedMount, type CachedStep, readCache } from './cache-manifest.ts';
import type { CachePlace } from './place.ts';

/** A step or mount of a cache, with the place that has its blobs. */
type Found<T> = T & { place: CachePlace };

/**
 * The steps that other machines have executed, from all `--cache-from` of a build. Only the lists of steps are fetched
 * at first, the index and the blob of a layer when a step needs them. All are verified by digest.
 */
export class SharedCache {
  readonly #store: Store;
  /** Steps by definition and by key, in the order of the sources; and by layer id. */
  readonly #steps = new Map<Digest, Found<CachedStep>[]>();
  readonly #layers = new Map<string, Found<CachedStep>[]>();
  readonly #lost = new Set<CachedStep>();
  readonly #mounts = new Map<string, Found<CachedMount>>();

  private constructor(store: Store) {
    this.#store = store;
  }

  /** @param onFailure called for a source that cannot be read: the build continues without it */
  static async load(
    store: Store,
    sources: readonly CacheSource[],
    open: (source: CacheSource) => Promise<CachePlace>,
    onFailure: (source: CacheSource, error: JettisonError) => void,
  ): Promise<SharedCache> {
    const cache = new SharedCache(store);
    const found = await Promise.all(
      sources.map(async (source) => {
        try {
          return await readSource(source, await open(source));
        } catch (error) {
          if (!(error instanceof JettisonError) || error.code === 'INTERRUPTED') throw error;
          onFailure(source, error);
          return { steps: [], mounts: [] };
        }
      }),
    );
    for (const step of found.flatMap(({ steps }) => steps)) {
      add(cache.#steps, step.step.definition, step);
      add(cache.#steps, step.step.key, step);
      add(cache.#layers, step.layer.id, step);
    }
    // The first source wins, so it is set last.
    for (const mount of found.flatMap(({ mounts }) => mounts).reverse()) {
      cache.#mounts.set(cacheName(mount.cache), mount);
    }
    return cache;
  }

  /** The step of a definition or key. */
  step(digest: Digest): CachedStep | undefined {
    return this.#steps.get(digest)?.find((step) => !this.#lost.has(step));
  }

  /** The step that made a layer. */
  layer(id: string): CachedStep | undefined {
    return this.#layers.get(id)?.find((step) => !this.#lost.has(step));
  }

  /** Marks a step as lost, since its layer cannot be fetched. @returns false if it was marked before */
  lose(step: CachedStep): boolean {
    const isNew = !this.#lost.has(step);
    // Several definitions can have this layer, which is one blob.
    for (const one of this.#layers.get(step.layer.id) ?? []) {
      if (one.place === this.#found(step).place) this.#lost.add(one);
    }
    return isNew;
  }

  isLost(step: CachedStep): boolean {
    return this.#lost.has(step);
  }

  #found(step: CachedStep): Found<CachedStep> {
    return this.#layers.get(step.layer.id)!.find((one) => one === step)!;
  }

  /** The archive of a cache mount. */
  mount(cache: CacheIdentity): CachedMount | undefined {
    return this.#mounts.get(cacheName(cache));
  }

  /** All cache mounts. */
  mounts(): CachedMount[] {
    return [...this.#mounts.values()];
  }

  /** Makes sure that a layer's blob can be fetched later, since an image may refer to it: copies it from a folder. */
  async claim(step: CachedStep): Promise<void> {
    const { layer, packed } = step;
    const { place } = this.#found(step);
    if (place.lasting) return;
    await place.fetch(packed.blob);
    if (this.#store.layers.record(layer.id) !== undefined) installBlob(this.#store.layout, layer.id, packed);
  }

  /** Downloads a layer's blob, or its index, into the store. */
  async fetch(step: CachedStep, blob: Descriptor = step.packed.blob): Promise<void> {
    await this.#found(step).place.fetch(blob);
  }

  /** Downloads the archive of a cache mount into the store. */
  async fetchMount({ cache, archive }: CachedMount): Promise<void> {
    await this.#mounts.get(cacheName(cache))!.place.fetch(archive);
  }

  /**
   * Puts a layer's record and index into the store, without its blob. The blob is recorded only if it is in the store
   * or can be fetched later.
   *
   * @returns undefined when the cache has no index, or one that does not match the record
   */
  async index(step: CachedStep): Promise<LayerIndex | undefined> {
    const { layer, packed, index } = step;
    if (index === undefined) return undefined;
    await this.fetch(step, index);
    const bytes = unzipped(this.#store.blobs.read(index.digest), layer.indexSize);
    if (bytes === undefined) return undefined;
    const parsed = soundIndex(bytes, layer.content);
    if (parsed?.size !== layer.entries) return undefined;
    const { place } = this.#found(step);
    const isKept = place.lasting || this.#store.blobs.has(packed.blob.digest, packed.blob.size);
    installLayer(this.#store.layout, { record: layer, index: bytes, ...(isKept && { blob: packed }) });
    return parsed;
  }
}

function add<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}

/** The decompressed bytes; undefined for invalid data or another size, since a cache is not trusted. */
function unzipped(data: Uint8Array, size: number): Buffer | undefined {
  try {
    const bytes = gunzipSync(data, { maxOutputLength: size + 1 });
    return bytes.length === size ? bytes : undefined;
  } catch {
    return undefined;
  }
}

async function readSource(source: CacheSource, place: CachePlace) {
  const caches = (await place.read()).flatMap((document) => readCache(document) ?? []);
  if (caches.length === 0) {
    throw new JettisonError('CACHE_MISSING', 'it contains no cache', {
      hint: 'A build with --cache-to creates one; caches of other builders cannot be read.',
    });
  }
  const found = <T>(one: T): Found<T> => ({ ...one, place });
  const steps = caches.flatMap((cache) => cache.steps);
  const mounts = source.cacheMounts === false ? [] : caches.flatMap((cache) => cache.mounts);
  return {
    steps: (await those(steps, ({ packed, index }) => isWhole(place, packed.blob, index))).map(found),
    mounts: (await those(mounts, ({ archive }) => isWhole(place, archive))).map(found),
  };
}

/**
 * Whether a place has all blobs. Only folders are checked, which may have been copied in part. A registry has what its
 * manifests name, and asking it takes time.
 */
async function isWhole(place: CachePlace, ...blobs: (Descriptor | undefined)[]): Promise<boolean> {
  if (place.lasting) return true;
  const held = await Promise.all(blobs.map((blob) => blob === undefined || place.holds(blob)));
  return held.every(Boolean);
}

async function those<T>(all: readonly T[], wanted: (one: T) => Promise<boolean>): Promise<T[]> {
  const answers = await Promise.all(all.map(wanted));
  return all.filter((_, i) => answers[i]);
}
