import { gunzipSync } from 'node:zlib';
import { JettisonError } from '../errors/error.ts';
import type { Digest } from '../image/digest.ts';
import { parseReference } from '../image/reference.ts';
import type { Descriptor, ImageConfig, Index, Manifest } from '../image/types.ts';
import { LayerIndex } from '../layer/layer-index.ts';
import { Origins } from '../registry/origins.ts';
import { fetchBlob } from '../registry/pull.ts';
import type { Registries } from '../registry/registries.ts';
import { installLayer } from '../store/layers.ts';
import type { Store } from '../store/store.ts';
import { type CachedStep, INLINE_MEMBER, readSteps } from './format.ts';
import { LayoutFolder } from './layout-folder.ts';
import type { CacheSource } from './places.ts';

/** A cached step with the way to its blobs. */
interface Found extends CachedStep {
  fetch(blob: Descriptor): Promise<void>;
  /** Whether the blob can be fetched later, by anybody who has the store. */
  lasting: boolean;
}

const MAX_CONFIG = 64 << 20;

/**
 * What other machines have built, of all sources of a build. Only the lists of steps are fetched up front; the
 * index and the bytes of a layer when a step needs them. What arrives is verified by its digest.
 */
export class SharedCache {
  readonly #steps = new Map<Digest, Found>();
  readonly #layers = new Map<string, Found>();

  private constructor(private readonly store: Store) {}

  /** @param onFailure is told of sources that cannot be read: a build goes on without them */
  static async load(
    store: Store,
    sources: readonly CacheSource[],
    registries: (insecure: boolean) => Promise<Registries>,
    onFailure: (source: CacheSource, error: JettisonError) => void,
  ): Promise<SharedCache> {
    const cache = new SharedCache(store);
    const found = await Promise.all(
      sources.map(async (source) => {
        try {
          return source.type === 'local'
            ? readFolder(store, source)
            : await readRegistry(store, source, await registries(source.insecure ?? false));
        } catch (error) {
          if (!(error instanceof JettisonError) || error.code === 'INTERRUPTED') throw error;
          onFailure(source, error);
          return [];
        }
      }),
    );
    // The first source that knows a step counts.
    for (const step of found.flat().reverse()) {
      cache.#steps.set(step.step.definition, step);
      cache.#steps.set(step.step.key, step);
      cache.#layers.set(step.layer.id, step);
    }
    return cache;
  }

  /** The step of a definition or key. */
  step(digest: Digest): CachedStep | undefined {
    return this.#steps.get(digest);
  }

  /** The step that made a layer. */
  layer(id: string): CachedStep | undefined {
    return this.#layers.get(id);
  }

  /** Makes sure that a layer's blob can be got at from now on: it may become a part of an image. */
  async claim({ layer, packed }: CachedStep): Promise<void> {
    const found = this.#layers.get(layer.id)!;
    if (!found.lasting) await found.fetch(packed.blob);
  }

  /** Has the store hold a layer's blob. */
  async fetch({ layer, packed }: CachedStep): Promise<void> {
    await this.#layers.get(layer.id)!.fetch(packed.blob);
  }

  /**
   * Puts a layer's record and index into the store, without its bytes.
   *
   * @returns undefined where the cache has no index, or not the right one
   */
  async index({ layer, packed, index }: CachedStep): Promise<LayerIndex | undefined> {
    if (index === undefined) return undefined;
    await this.#layers.get(layer.id)!.fetch(index);
    const bytes = gunzipSync(this.store.blobs.read(index.digest));
    if (bytes.length !== layer.indexSize) return undefined;
    const parsed = LayerIndex.parse(bytes);
    if (parsed.size !== layer.entries) return undefined;
    installLayer(this.store.layout, { record: layer, index: bytes, blob: packed });
    return parsed;
  }
}

function readFolder(store: Store, { path, tag }: CacheSource & { type: 'local' }): Found[] {
  const folder = new LayoutFolder(path);
  const descriptor = folder.find(tag ?? 'latest');
  if (descriptor === undefined) return [];
  const manifest = JSON.parse(folder.read(descriptor).toString('utf8')) as Manifest;
  const config = JSON.parse(folder.read(manifest.config).toString('utf8')) as unknown;
  const fetch = (blob: Descriptor) => folder.fetch(store, blob);
  return readSteps(config).map((step) => ({ ...step, fetch, lasting: false }));
}

async function readRegistry(
  store: Store,
  { ref }: CacheSource & { type: 'registry' },
  registries: Registries,
): Promise<Found[]> {
  const reference = parseReference(ref);
  const which = reference.digest ?? reference.tag ?? 'latest';
  const read = async (digest: string): Promise<{ manifest: Manifest | Index }> =>
    registries.read(reference, async (repository) => {
      const { bytes } = await repository.manifest(digest);
      return { manifest: JSON.parse(bytes.toString('utf8')) as Manifest | Index };
    });
  const { manifest } = await read(which);
  const manifests =
    'manifests' in manifest
      ? await Promise.all(manifest.manifests.map(async ({ digest }) => (await read(digest)).manifest))
      : [manifest];
  const fetch = (blob: Descriptor) => fetchBlob(store, registries, reference, blob);
  const steps: CachedStep[] = [];
  for (const one of manifests as Manifest[]) {
    if (!(one.config?.size <= MAX_CONFIG)) continue;
    await fetch(one.config);
    const config = store.blobs.readJson<ImageConfig & Record<string, unknown>>(one.config.digest);
    const inline = config[INLINE_MEMBER];
    steps.push(...(inline === undefined ? readSteps(config) : inlineSteps(one, config, inline)));
  }
  new Origins(store.layout).add(
    steps.map(({ packed }) => packed.blob.digest),
    reference,
  );
  return steps.map((step) => ({ ...step, fetch, lasting: true }));
}

/** The steps of an image's own layers: its manifest says in what form they are there. */
function inlineSteps(manifest: Manifest, config: ImageConfig, inline: unknown): CachedStep[] {
  return readSteps(inline).flatMap(({ index: _, ...step }) => {
    const blob = manifest.layers[config.rootfs.diff_ids.indexOf(step.packed.diffId)];
    return blob === undefined ? [] : [{ ...step, packed: { diffId: step.packed.diffId, blob } }];
  });
}
