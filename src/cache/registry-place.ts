import { JettisonError } from '../errors/error.ts';
import { limit } from '../errors/limits.ts';
import type { OnProgress } from '../events/transfer.ts';
import type { Reference } from '../image/reference.ts';
import { type Descriptor, type Index, type Manifest, MEDIA } from '../image/types.ts';
import { BlobOrigins } from '../registry/blob-origins.ts';
import { fetchBlob } from '../registry/pull.ts';
import { pushImage } from '../registry/push.ts';
import type { Registries } from '../registry/registries.ts';
import type { Store } from '../store/store.ts';
import type { CacheBlob, CacheDocument, CachePlace } from './place.ts';

const MANIFESTS = new Set<string>([MEDIA.ociManifest, MEDIA.dockerManifest]);

/** A cache in a registry, under a name. */
export class RegistryPlace implements CachePlace {
  readonly #store: Store;
  readonly #registries: Registries;
  readonly #reference: Reference;
  readonly lasting = true;

  constructor(store: Store, registries: Registries, reference: Reference) {
    this.#store = store;
    this.#registries = registries;
    this.#reference = reference;
  }

  async read(onProgress?: OnProgress): Promise<CacheDocument[]> {
    const { manifest } = await this.#first();
    // An image for several platforms, or a cache of another builder.
    const manifests =
      'manifests' in manifest
        ? await Promise.all(
            manifest.manifests
              .filter(({ mediaType }) => MANIFESTS.has(mediaType))
              .map(async ({ digest }) => (await this.#manifest(digest)).manifest),
          )
        : [manifest];
    const documents: CacheDocument[] = [];
    for (const one of manifests) {
      // An index of indexes, or a document that is not an image, holds no cache.
      if (!('config' in one) || !(one.config.size <= limit('cache-config-size'))) continue;
      await this.fetch(one.config, onProgress);
      documents.push({ manifest: one, config: this.#json(one.config) });
      new BlobOrigins(this.#store.layout).add(
        one.layers.map(({ digest }) => digest),
        this.#reference,
      );
    }
    return documents;
  }

  async fetch(blob: Descriptor, onProgress?: OnProgress): Promise<void> {
    await fetchBlob(this.#store, this.#registries, this.#reference, blob, onProgress);
  }

  async holds(blob: Descriptor): Promise<boolean> {
    return (await this.#registries.repository(this.#reference)).hasBlob(blob, 'push');
  }

  async write(blobs: readonly CacheBlob[], manifest: Descriptor, onProgress?: OnProgress): Promise<void> {
    const ways = new Map(blobs.map(({ digest, fetch }) => [digest, fetch]));
    const fetch = async ({ digest }: Descriptor) => ways.get(digest)?.();
    await pushImage(this.#store, this.#registries, this.#reference, manifest, onProgress, fetch);
  }

  async #first(): Promise<{ manifest: Manifest | Index }> {
    try {
      return await this.#manifest(this.#reference.digest ?? this.#reference.tag ?? 'latest');
    } catch (error) {
      if (!(error instanceof JettisonError) || error.code !== 'REGISTRY_NOT_FOUND') throw error;
      throw new JettisonError('CACHE_MISSING', 'it does not exist', {
        hint: 'A build with --cache-to creates it.',
        cause: error,
      });
    }
  }

  #manifest(which: string): Promise<{ manifest: Manifest | Index }> {
    return this.#registries.read(this.#reference, async (repository) => {
      const { bytes } = await repository.manifest(which);
      return { manifest: JSON.parse(bytes.toString('utf8')) as Manifest | Index };
    });
  }

  /** Undefined for a blob that is not JSON: the config of another kind of artifact. */
  #json({ digest }: Descriptor): unknown {
    try {
      return this.#store.blobs.readJson(digest);
    } catch (error) {
      if (error instanceof SyntaxError) return undefined;
      throw error;
    }
  }
}
