import { JettisonError } from '../errors/error.ts';
import { checkLimit } from '../errors/limits.ts';
import { counted, type OnProgress } from '../events/transfer.ts';
import { attestationsOf } from '../image/attestation.ts';
import { canonicalName, familiarName, type Reference } from '../image/reference.ts';
import { readIndex, readManifest } from '../image/sound.ts';
import type { Descriptor, Platform } from '../image/types.ts';
import type { Blobs } from '../store/blobs.ts';
import type { Images } from '../store/images.ts';
import type { StoreLayout } from '../store/layout.ts';
import { BlobOrigins, type Origin } from './blob-origins.ts';
import { parallel, TRANSFERS } from './parallel.ts';
import type { Registries } from './registries.ts';
import { type RemoteImage, resolveRemote } from './resolve.ts';

/** The parts of a store that pulling uses. */
export interface PullStore {
  layout: StoreLayout;
  blobs: Blobs;
  images: Images;
}

/** How often a damaged blob is downloaded. */
const DAMAGE_ATTEMPTS = 3;

/**
 * Stores an image's index, manifest and config under the reference's name. Layers are not downloaded (see `fetchBlob`),
 * but their repository is remembered.
 *
 * @param onFetched called if the store lacked the manifest or config
 */
export async function pullImage(
  store: PullStore,
  registries: Registries,
  reference: Reference,
  platform: Platform,
  onFetched: () => void = () => {},
): Promise<RemoteImage> {
  const target = store.images.find(canonicalName(reference))?.manifest;
  const image = await resolveRemote(registries, reference, platform, { blobs: store.blobs, target });
  const documents = [image.descriptor, image.manifest.config];
  if (documents.some(({ digest }) => !store.blobs.has(digest))) onFetched();
  store.blobs.write(image.configBytes);
  store.blobs.write(image.manifestBytes);
  const { config, layers } = image.manifest;
  const digests = [config, ...layers].map(({ digest }) => digest);
  new BlobOrigins(store.layout).add(digests, reference);
  if (image.index !== undefined) store.blobs.write(image.index.bytes);
  store.images.put(canonicalName(reference), image.index?.descriptor ?? image.descriptor);
  return image;
}

/** Downloads the layers of a pulled image that the store lacks, several at a time. */
export async function fetchLayers(
  store: Pick<PullStore, 'layout' | 'blobs'>,
  registries: Registries,
  { reference, manifest }: Pick<RemoteImage, 'reference' | 'manifest'>,
  onProgress: OnProgress = () => {},
): Promise<void> {
  const layers = new Map(manifest.layers.map((layer) => [layer.digest, layer]));
  await parallel(layers.values(), TRANSFERS, (layer) =>
    fetchBlob(store, registries, reference, layer, onProgress),
  );
}

/**
 * Downloads the attestations of a pulled image.
 *
 * @throws JettisonError `REGISTRY_…`, `DIGEST_MISMATCH`, `LIMIT_EXCEEDED`
 */
export async function fetchAttestations(
  store: Pick<PullStore, 'layout' | 'blobs'>,
  registries: Registries,
  { reference, index, descriptor }: RemoteImage,
): Promise<void> {
  if (index === undefined) return;
  const { manifests } = readIndex(index.bytes, `the index of ${familiarName(reference)}`);
  for (const { digest } of attestationsOf(manifests, descriptor.digest)) {
    const bytes = store.blobs.has(digest)
      ? store.blobs.read(digest)
      : (await registries.read(reference, (repository) => repository.manifest(digest))).bytes;
    const { config, layers } = readManifest(bytes, `the attestation manifest ${digest}`);
    const parts = [config, ...layers];
    for (const part of parts) {
      checkLimit('statement-size', part.size, `the attestation ${part.digest}`);
      await fetchBlob(store, registries, reference, part);
    }
    store.blobs.write(bytes);
    new BlobOrigins(store.layout).add(
      parts.map((part) => part.digest),
      reference,
    );
  }
}

const underWay = new Map<string, Promise<void>>();

/**
 * Downloads a blob into the store, verifying digest and size. It comes from the reference's repository, or from another
 * one that is known to hold it: base layers of an image that was built here are only in the base's repository.
 * Concurrent calls share one download.
 *
 * @param reference undefined to ask only repositories that are known to hold the blob
 * @throws JettisonError `BLOB_MISSING`, `REGISTRY_…`, `DIGEST_MISMATCH`
 */
export async function fetchBlob(
  store: Pick<PullStore, 'layout' | 'blobs'>,
  registries: Registries,
  reference: Origin | undefined,
  descriptor: Descriptor,
  onProgress: OnProgress = () => {},
): Promise<void> {
  const { digest, size } = descriptor;
  if (store.blobs.has(digest, size)) {
    onProgress({ item: digest, size, state: 'present', moved: size });
    return;
  }
  const key = `${store.layout.home}\0${digest}`;
  let fetching = underWay.get(key);
  if (fetching === undefined) {
    fetching = fetchFromAny(store, registries, reference, descriptor, onProgress).finally(() =>
      underWay.delete(key),
    );
    underWay.set(key, fetching);
  }
  await fetching;
}

async function fetchFromAny(
  store: Pick<PullStore, 'layout' | 'blobs'>,
  registries: Registries,
  reference: Origin | undefined,
  descriptor: Descriptor,
  onProgress: OnProgress,
): Promise<void> {
  const known = new BlobOrigins(store.layout).of(descriptor.digest);
  const others = known.filter((origin) => !isSameRepository(origin, reference));
  const named = reference === undefined ? [] : [reference];
  // A repository that is not known to hold the blob comes last.
  const places = others.length < known.length ? [...named, ...others] : [...others, ...named];
  let failure: JettisonError | undefined;
  for (const place of places) {
    try {
      await fetchVerified(store.blobs, registries, place, descriptor, onProgress);
      return;
    } catch (error) {
      if (!(error instanceof JettisonError)) throw error;
      failure ??= error;
    }
  }
  throw (
    failure ??
    new JettisonError('BLOB_MISSING', `blob ${descriptor.digest} is not in the store`, {
      hint: 'Build, load or pull the image again.',
    })
  );
}

function isSameRepository(a: Origin, b: Origin | undefined): boolean {
  return a.registry === b?.registry && a.repository === b.repository;
}

async function fetchVerified(
  blobs: Blobs,
  registries: Registries,
  reference: Origin,
  { digest, size }: Descriptor,
  onProgress: OnProgress,
): Promise<void> {
  await registries.read(reference, async (repository) => {
    for (let attempt = 1; ; attempt++) {
      try {
        const source = counted(repository.blob({ digest, size }), { item: digest, size, onProgress });
        await blobs.writeStream(source, { digest, size }, registries.signal);
        break;
      } catch (error) {
        const damaged = error instanceof JettisonError && error.code === 'DIGEST_MISMATCH';
        if (!damaged || attempt === DAMAGE_ATTEMPTS) throw error;
      }
    }
  });
  onProgress({ item: digest, size, state: 'done', moved: size });
}
