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

/** Something of a cache with the place that has its blobs. */
type Found<T> = T & { place: CachePlace };

/**
 * The steps that other machines have built, from all sources of a build. Only the lists of steps are fetched up front; the
 * index and the bytes of a layer when a step needs them. What arrives is verified by its digest.
 */
export class SharedCache {
  readonly #store: Store;
  /** Of each definition and key, and of each layer: what the sources have, the first source's first. */
  readonly #steps = new Map<Digest, Found<CachedStep>[]>();
  readonly #layers = new Map<string, Found<CachedStep>[]>();
  readonly #lost = new Set<CachedStep>();
  readonly #mounts = new Map<string, Found<CachedMount>>();

  private constructor(store: Store) {
    this.#store = store;
  }

  /** @param onFailure gets sources that cannot be read: a build goes on without them */
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
    // The first source that knows something counts.
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

  /** Has a step count as none from now on: its layer cannot be had. @returns whether that is new */
  lose(step: CachedStep): boolean {
    const isNew = !this.#lost.has(step);
    // A layer can be that of several definitions, and is one blob.
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

  /** Makes sure that a layer's blob can be got at from now on: it may become a part of an image. */
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
   * Puts a layer's record and index into the store, without its bytes: where those are is noted only when they can
   * be got at later, too.
   *
   * @returns undefined where the cache has no index, or not the right one
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

/** The decompressed bytes, or undefined for anything unexpected: a cache is not trusted. */
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
    throw new JettisonError('CACHE_MISSING', 'it holds no cache', {
      hint: 'A build with --cache-to makes one; caches of other builders cannot be read.',
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
 * Whether a place has all of something. Only those are asked of which it takes no time: a folder may have been carried
 * here in part, while a registry keeps what its manifests name.
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
