import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { JettisonError } from '../errors/error.ts';
import type { OnProgress } from '../events/transfer.ts';
import type { Digest } from '../image/digest.ts';
import { familiarName, type Reference } from '../image/reference.ts';
import type { Descriptor, Index, Manifest } from '../image/types.ts';
import { BlobOrigins } from './blob-origins.ts';
import { parallel, TRANSFERS } from './parallel.ts';
import { fetchBlob, type PullStore } from './pull.ts';
import type { Registries } from './registries.ts';
import type { Repository } from './repository.ts';

export interface PushResult {
  /** Digest of the pushed manifest or index. */
  digest: Digest;
  /** Bytes of blobs that were uploaded. */
  uploaded: number;
}

/** How often a blob that arrives damaged is uploaded. */
const DAMAGE_ATTEMPTS = 3;

/**
 * Pushes an image, or an index with all its images, to the tag (or digest) of a reference. Blobs that the repository has
 * are skipped, blobs of another repository of the registry are mounted, the rest is uploaded. The manifest comes last, so
 * that the repository never refers to missing blobs. Layers that the store lacks are downloaded only if they can be
 * neither found nor mounted.
 *
 * @param image a manifest or index of the store
 * @param fetch downloads a blob that is neither in the store nor in the registry
 * @throws JettisonError `REGISTRY_…`, `BLOB_MISSING`
 */
export async function pushImage(
  store: Pick<PullStore, 'layout' | 'blobs'>,
  registries: Registries,
  reference: Reference,
  image: Descriptor,
  onProgress: OnProgress = () => {},
  fetch: (blob: Descriptor) => Promise<void> = (blob) => fetchBlob(store, registries, undefined, blob),
): Promise<PushResult> {
  const push = new Push(store, await registries.repository(reference), reference, onProgress, fetch);
  const which = reference.tag ?? image.digest;
  if (reference.digest !== undefined && reference.digest !== image.digest) {
    throw new JettisonError('DIGEST_MISMATCH', `cannot push another image to ${familiarName(reference)}`, {
      hint: 'Push to a tag: a digest identifies one image only.',
    });
  }
  await push.all(which, image);
  return { digest: image.digest, uploaded: push.uploaded };
}

class Push {
  readonly #store: Pick<PullStore, 'layout' | 'blobs'>;
  readonly #repository: Repository;
  readonly #reference: Reference;
  readonly #onProgress: OnProgress;
  readonly #fetch: (blob: Descriptor) => Promise<void>;
  uploaded = 0;
  readonly #origins: BlobOrigins;

  constructor(
    store: Pick<PullStore, 'layout' | 'blobs'>,
    repository: Repository,
    reference: Reference,
    onProgress: OnProgress,
    fetch: (blob: Descriptor) => Promise<void>,
  ) {
    this.#store = store;
    this.#repository = repository;
    this.#reference = reference;
    this.#onProgress = onProgress;
    this.#fetch = fetch;
    this.#origins = new BlobOrigins(store.layout);
  }

  async all(which: string, image: Descriptor): Promise<void> {
    // If the registry has the manifest, it has all its blobs.
    const there = await this.#repository.manifestDigest(which, 'push');
    const bytes = this.#store.blobs.read(image.digest);
    const document = JSON.parse(bytes.toString('utf8')) as Manifest | Index;
    if (there !== image.digest) {
      if ('manifests' in document) {
        for (const child of document.manifests) await this.all(child.digest, child);
      } else {
        await this.#blobs(document);
      }
      await this.#repository.putManifest(which, document.mediaType ?? image.mediaType, bytes);
    } else if ('layers' in document) {
      for (const { digest, size } of [document.config, ...document.layers]) {
        this.#onProgress({ item: digest, size, state: 'present', moved: size });
      }
    }
    if ('layers' in document) {
      const digests = [document.config, ...document.layers].map(({ digest }) => digest);
      this.#origins.add(digests, this.#reference);
    }
  }

  async #blobs({ config, layers }: Manifest): Promise<void> {
    const blobs = new Map([...layers, config].map((blob) => [blob.digest, blob]));
    for (const { digest, size } of blobs.values())
      this.#onProgress({ item: digest, size, state: 'waiting', moved: 0 });
    await parallel(blobs.values(), TRANSFERS, (blob) => this.#blob(blob));
  }

  async #blob(blob: Descriptor): Promise<void> {
    const { digest, size } = blob;
    if (await this.#repository.hasBlob(blob, 'push')) {
      this.#onProgress({ item: digest, size, state: 'present', moved: size });
      return;
    }
    const origins = this.#origins.of(digest);
    const { registry, repository } = this.#reference;
    for (const origin of origins) {
      if (origin.registry !== registry || origin.repository === repository) continue;
      if (await this.#repository.mount(digest, origin.repository)) {
        this.#onProgress({ item: digest, size, state: 'mounted', moved: size });
        return;
      }
    }
    for (let attempt = 1; ; attempt++) {
      // A base layer that was never needed here: copied from one registry to the other.
      await this.#fetch(blob);
      try {
        await this.#upload(blob);
        return;
      } catch (error) {
        const damaged = error instanceof JettisonError && /^(DIGEST_MISMATCH|BLOB_DAMAGED)$/.test(error.code);
        if (!damaged || attempt === DAMAGE_ATTEMPTS) throw error;
        // The store's copy may be damaged.
        await this.#store.blobs.discardDamaged(digest);
      }
    }
  }

  async #upload({ digest, size }: Descriptor): Promise<void> {
    const path = this.#store.blobs.path(digest);
    this.#onProgress({ item: digest, size, state: 'moving', moved: 0 });
    await this.#repository.upload({
      digest,
      size,
      open: (start, end) => {
        const report = (moved: number) => this.#onProgress({ item: digest, size, state: 'moving', moved });
        // Only a whole blob can be verified while it is read.
        if (start === 0 && end === size) return this.#store.blobs.stream(digest, report);
        const file = createReadStream(path, { start, end: end - 1, highWaterMark: 1 << 18 });
        return Readable.from(reporting(file, start, report), { objectMode: false });
      },
    });
    this.uploaded += size;
    this.#onProgress({ item: digest, size, state: 'done', moved: size });
  }
}

async function* reporting(
  source: AsyncIterable<Buffer>,
  start: number,
  report: (moved: number) => void,
): AsyncGenerator<Buffer> {
  let moved = start;
  for await (const chunk of source) {
    moved += chunk.byteLength;
    yield chunk;
    report(moved);
  }
}
