import { JettisonError } from '../errors/error.ts';
import { located } from '../errors/locate.ts';
import type { Emit } from '../events/event.ts';
import type { OnProgress } from '../events/transfer.ts';
import { inheritedConfig, inheritedHistory } from '../image/base-members.ts';
import type { Digest } from '../image/digest.ts';
import { familiarName, parseReference } from '../image/reference.ts';
import type { Descriptor, ImageConfig, Manifest } from '../image/types.ts';
import type { ImageRequest } from '../plan/input.ts';
import { OCI_LAYOUT } from '../plan/named-contexts.ts';
import type { BaseImage } from '../plan/plan.ts';
import type { Registries } from '../registry/registries.ts';
import { findImage, readImage } from '../store/lookup.ts';
import type { Store } from '../store/store.ts';

export interface BaseImageOptions {
  store: Store;
  /** Asks the registry first, even for images of the store. */
  pull: boolean;
  /** Accepts any certificate, and plain http. */
  insecure?: boolean;
  env: NodeJS.ProcessEnv;
  /** Gets the events of requests to registries. */
  emit?: Emit;
  signal: AbortSignal;
}

/** Finds base images in the store, else in their registries, and fetches only the parts that are needed. */
export class BaseImages {
  #registries?: Promise<Registries>;
  /** References of base images, by the digests of their layers' blobs. */
  readonly #origins = new Map<string, string>();
  /** Milliseconds for fetching manifest and config, by the manifest's digest. */
  readonly #fetches = new Map<Digest, number>();

  constructor(private readonly options: BaseImageOptions) {}

  /**
   * Manifest and config of a base image, without its layers.
   *
   * @throws JettisonError `BASE_UNKNOWN` at the instruction that names it
   */
  async resolve(request: ImageRequest): Promise<BaseImage> {
    if (request.reference.startsWith(OCI_LAYOUT)) return this.#fromLayout(request);
    const local = this.options.pull ? undefined : this.#local(request);
    const found = local ?? (await this.#remote(request));
    for (const { digest } of found.manifest.layers) this.#origins.set(digest, request.reference);
    return this.#asBase(request, found);
  }

  /** Milliseconds for fetching manifest and config; undefined if they were in the store. */
  fetchedIn(manifest: Digest): number | undefined {
    return this.#fetches.get(manifest);
  }

  hasBlob({ digest, size }: Descriptor): boolean {
    return this.options.store.blobs.has(digest, size);
  }

  /** Downloads a layer's blob of a resolved image into the store. */
  async fetchBlob(blob: Descriptor, onProgress?: OnProgress): Promise<void> {
    if (this.hasBlob(blob)) return;
    const reference = this.#origins.get(blob.digest);
    const { fetchBlob } = await import('../registry/pull.ts');
    await fetchBlob(
      this.options.store,
      await this.#connect(),
      reference === undefined ? undefined : parseReference(reference),
      blob,
      onProgress,
    );
  }

  /** Copies the whole image at once: the folder may be missing when the image is pushed or saved. */
  async #fromLayout(request: ImageRequest): Promise<BaseImage> {
    const { importOciLayout } = await import('./oci-layout.ts');
    const found = await located(request, () =>
      importOciLayout(this.options.store, request.reference.slice(OCI_LAYOUT.length), request.platform),
    );
    return this.#asBase(request, found);
  }

  #local(
    request: ImageRequest,
  ): { descriptor: Descriptor; manifest: Manifest; config: ImageConfig } | undefined {
    const { store } = this.options;
    try {
      const stored = store.images.get(request.reference) ?? findImage(store, request.reference);
      return readImage(
        store,
        'manifest' in stored && 'target' in stored ? stored.target : stored.manifest,
        request.platform,
      );
    } catch (error) {
      if (
        error instanceof JettisonError &&
        /^(IMAGE_UNKNOWN|BLOB_MISSING|PLATFORM_MISSING)$/.test(error.code)
      ) {
        return undefined;
      }
      throw error;
    }
  }

  async #remote(request: ImageRequest) {
    const { store, emit = () => {} } = this.options;
    const { pullImage } = await import('../registry/pull.ts');
    const image = familiarName(request.reference);
    const started = Date.now();
    emit({ type: 'image.resolving', image });
    try {
      const reference = parseReference(request.reference);
      let fetched = false;
      const found = await pullImage(store, await this.#connect(), reference, request.platform, () => {
        fetched = true;
      });
      const durationMs = Date.now() - started;
      if (fetched) this.#fetches.set(found.descriptor.digest, durationMs);
      emit({ type: 'image.resolved', image, durationMs });
      return found;
    } catch (error) {
      const local = this.options.pull ? this.#local(request) : undefined;
      if (local !== undefined && error instanceof JettisonError && error.code === 'REGISTRY_UNREACHABLE')
        return local;
      if (!(error instanceof JettisonError)) throw error;
      const name = familiarName(request.reference);
      throw new JettisonError(
        'BASE_UNKNOWN',
        `base image ${name} is not in the store and cannot be pulled: ${error.message}`,
        {
          location: request.location,
          source: request.source,
          hint: [
            request.hint ?? '',
            error.hint ??
              'Check its name, or build, load or pull it first; `jettison images` lists the images of the store.',
          ]
            .join(' ')
            .trimStart(),
          cause: error,
        },
      );
    }
  }

  #connect(): Promise<Registries> {
    this.#registries ??= import('../registry/registries.ts').then(
      ({ Registries }) =>
        new Registries({
          env: this.options.env,
          signal: this.options.signal,
          insecure: this.options.insecure ?? false,
        }),
    );
    return this.#registries;
  }

  #asBase(
    request: ImageRequest,
    image: { descriptor: Descriptor; manifest: Manifest; config: ImageConfig },
  ): BaseImage {
    const { config, manifest } = image;
    const platform = {
      os: config.os,
      architecture: config.architecture,
      ...(config.variant ? { variant: config.variant } : {}),
    };
    const { created, author } = config;
    const osFacts = {
      ...(config['os.version'] ? { 'os.version': config['os.version'] } : {}),
      ...(config['os.features']?.length ? { 'os.features': config['os.features'] } : {}),
    };
    return {
      reference: request.reference,
      digest: image.descriptor.digest,
      platform,
      config: inheritedConfig(config.config),
      history: inheritedHistory(config.history),
      osFacts,
      layers: manifest.layers.map((blob, i) => ({ diffId: config.rootfs.diff_ids[i]!, blob })),
      ...(created ? { created } : {}),
      ...(author ? { author } : {}),
    };
  }
}
