import { JettisonError } from '../errors/error.ts';
import { attestationsOf, imagesIn } from '../image/attestation.ts';
import type { Digest } from '../image/digest.ts';
import type { AttachedManifest, ImageParts } from '../image/image.ts';
import { bestPlatform, formatPlatform, hostPlatform } from '../image/platform.ts';
import { canonicalName, familiarName, parseReference, type Reference } from '../image/reference.ts';
import { readConfig, readIndex, readManifest } from '../image/sound.ts';
import { type Descriptor, MEDIA, type Platform } from '../image/types.ts';
import type { StoredImage } from './images.ts';
import type { Store } from './store.ts';

/** An image with all its names. */
export interface NamedImage extends ImageParts {
  /** What the names refer to: the manifest, or the index that it was chosen from. */
  target: Descriptor;
  /** Canonical, sorted; empty for an image without a name. */
  names: string[];
  /** The store's entries of `names`, or its nameless entry. */
  entries: StoredImage[];
}

/** True for an OCI index and for Docker's manifest list. */
export function isIndex({ mediaType }: Pick<Descriptor, 'mediaType'>): boolean {
  return mediaType === MEDIA.ociIndex || mediaType === MEDIA.dockerList;
}

/**
 * Reads manifest and config of an image.
 *
 * @param target a manifest, or an index with a manifest for the platform
 * @param platform absent: of the images of an index that the store has, the one for this machine, else the first
 * @throws JettisonError `PLATFORM_MISSING`, `BLOB_MISSING`, `DIGEST_MISMATCH`
 */
export function readImage(store: Store, target: Descriptor, platform?: Platform): ImageParts {
  if (isIndex(target)) {
    const index = readIndex(store.blobs.read(target.digest), `the index ${target.digest}`);
    const manifests = imagesIn(index.manifests);
    const present = manifests.filter(({ digest }) => store.blobs.has(digest));
    // For a named platform the best image of the whole index is needed, though the store may have a similar one.
    const chosen =
      platform === undefined
        ? (bestPlatform(hostPlatform(), present) ?? present[0])
        : bestPlatform(platform, manifests);
    if (chosen === undefined || !present.includes(chosen)) {
      throw new JettisonError(
        'PLATFORM_MISSING',
        `${target.digest} has no image for ${formatPlatform(platform ?? hostPlatform())}`,
        {
          hint: 'Pull the image for this platform.',
        },
      );
    }
    return readImage(store, chosen, platform);
  }
  const manifest = readManifest(store.blobs.read(target.digest), `the manifest ${target.digest}`);
  const { digest } = manifest.config;
  const config = readConfig(store.blobs.read(digest), `the config ${digest}`);
  return { descriptor: target, manifest, id: manifest.config.digest, config };
}

/**
 * The attestation manifests of an image that the store has with everything in them.
 *
 * @param target the index that the image was chosen from; a manifest has none
 */
export function attestationsIn(
  store: Store,
  { target, descriptor }: Pick<NamedImage, 'target' | 'descriptor'>,
): AttachedManifest[] {
  if (!isIndex(target)) return [];
  const { manifests } = readIndex(store.blobs.read(target.digest), `the index ${target.digest}`);
  return attestationsOf(manifests, descriptor.digest).flatMap((attached) => {
    if (!store.blobs.has(attached.digest)) return [];
    const manifest = readManifest(store.blobs.read(attached.digest), `the manifest ${attached.digest}`);
    const parts = [manifest.config, ...manifest.layers];
    return parts.every(({ digest, size }) => store.blobs.has(digest, size))
      ? [{ descriptor: attached, manifest }]
      : [];
  });
}

/**
 * All images of a store, each once with all its names, in the order of their first names.
 *
 * @param onDamage called for an image whose manifest or config cannot be read, and which is therefore left out
 */
export function listImages(
  store: Store,
  onDamage: (image: StoredImage, error: JettisonError) => void = () => {},
): NamedImage[] {
  const images = new Map<Digest, NamedImage>();
  for (const entry of store.images.list()) {
    const known = images.get(entry.manifest.digest);
    if (known !== undefined) {
      known.entries.push(entry);
      if (entry.name !== undefined) known.names.push(entry.name);
      continue;
    }
    try {
      images.set(entry.manifest.digest, {
        ...readImage(store, entry.manifest),
        target: entry.manifest,
        names: entry.name === undefined ? [] : [entry.name],
        entries: [entry],
      });
    } catch (error) {
      if (!(error instanceof JettisonError)) throw error;
      onDamage(entry, error);
    }
  }
  return [...images.values()];
}

/**
 * Finds an image by a name (`app`, `app:1`, `app@sha256:…`), else by its id or a unique prefix of it, with or without
 * `sha256:`.
 *
 * @throws JettisonError `IMAGE_UNKNOWN`, `IMAGE_AMBIGUOUS`
 */
export function findImage(store: Store, text: string): NamedImage {
  const reference = asReference(text);
  if (reference !== undefined && reference.digest === undefined) {
    const stored = store.images.get(canonicalName(reference));
    if (stored !== undefined) return withNames(store, stored);
  }
  const images = listImages(store);
  const matches =
    reference?.digest === undefined
      ? byId(images, text)
      : images.filter((image) => hasDigest(image, reference as Reference & { digest: Digest }));
  if (new Set(matches.map(({ id }) => id)).size > 1) {
    throw new JettisonError('IMAGE_AMBIGUOUS', `several image ids begin with "${text}"`, {
      hint: `Write more of it: ${matches.map(({ id }) => id.slice('sha256:'.length, 'sha256:'.length + 19)).join(', ')}.`,
    });
  }
  const [found] = matches;
  if (found === undefined) throw unknown(text, images);
  return found;
}

function withNames(store: Store, stored: StoredImage): NamedImage {
  const entries = store.images.list().filter(({ manifest }) => manifest.digest === stored.manifest.digest);
  return {
    ...readImage(store, stored.manifest),
    target: stored.manifest,
    names: entries.flatMap(({ name }) => (name === undefined ? [] : [name])),
    entries,
  };
}

function byId(images: NamedImage[], text: string): NamedImage[] {
  const prefix = text.startsWith('sha256:') ? text.slice('sha256:'.length) : text;
  if (!/^[0-9a-f]{1,64}$/.test(prefix)) return [];
  const starts = (digest: Digest) => digest.startsWith(`sha256:${prefix}`);
  const ids = images.filter(({ id }) => starts(id));
  return ids.length > 0
    ? ids
    : images.filter((image) => starts(image.target.digest) || starts(image.descriptor.digest));
}

/** Whether `name@digest` means this image: it has the digest, and one of its names has the repository. */
function hasDigest(
  image: NamedImage,
  { registry, repository, digest }: Reference & { digest: Digest },
): boolean {
  if (image.target.digest !== digest && image.descriptor.digest !== digest) return false;
  return image.names.some((name) => {
    const other = parseReference(name);
    return other.registry === registry && other.repository === repository;
  });
}

function asReference(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch (error) {
    // An id.
    if (/^(sha256:)?[0-9a-f]+$/.test(text)) return undefined;
    throw error;
  }
}

function unknown(text: string, images: NamedImage[]): JettisonError {
  const reference = asReference(text);
  const repository = reference && `${reference.registry}/${reference.repository}`;
  const siblings = images
    .flatMap(({ names }) => names)
    .filter((name) => name.slice(0, name.lastIndexOf(':')) === repository)
    .map((name) => familiarName(name));
  return new JettisonError('IMAGE_UNKNOWN', `there is no image "${text}" in the store`, {
    hint:
      siblings.length > 0
        ? `There is ${siblings.slice(0, 5).join(', ')}.`
        : '`jettison images` lists the images.',
  });
}
