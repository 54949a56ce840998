import { JettisonError } from '../errors/error.ts';
import { checkLimit } from '../errors/limits.ts';
import { imagesIn } from '../image/attestation.ts';
import { sha256 } from '../image/digest.ts';
import type { ImageParts } from '../image/image.ts';
import { bestPlatform, formatPlatform } from '../image/platform.ts';
import { familiarName, type Reference } from '../image/reference.ts';
import { readConfig, readIndex, readManifest } from '../image/sound.ts';
import { type Descriptor, type ImageConfig, type Manifest, MEDIA, type Platform } from '../image/types.ts';
import type { Blobs } from '../store/blobs.ts';
import { isIndex } from '../store/lookup.ts';
import type { Registries } from './registries.ts';
import type { FetchedManifest, Repository } from './repository.ts';

/** An image of a registry, for one platform, without its layers. */
export interface RemoteImage extends ImageParts {
  reference: Reference;
  /** The index that the reference names, if it names one. */
  index?: FetchedManifest;
  manifestBytes: Buffer;
  configBytes: Buffer;
}

/** How often a damaged config is downloaded. */
const DAMAGE_ATTEMPTS = 3;

/** Documents of the store, which need no request. */
interface Held {
  blobs: Blobs;
  /** The last digest of the reference. */
  target: Descriptor | undefined;
}

/**
 * Reads an image's manifest and config from its registry or a mirror, verifying every digest. Chooses the image of an
 * index that fits the platform best. An image without an index is returned whatever its platform: check `config`.
 *
 * @throws JettisonError `REGISTRY_…`, `PLATFORM_MISSING`, `MANIFEST_UNSUPPORTED`, `DIGEST_MISMATCH`
 */
export async function resolveRemote(
  registries: Registries,
  reference: Reference,
  platform: Platform,
  held?: Held,
): Promise<RemoteImage> {
  return registries.read(reference, async (repository) => {
    let fetched = await readTarget(repository, reference, held);
    let index: FetchedManifest | undefined;
    let chosen: Descriptor | undefined;
    if (isIndex(fetched.descriptor)) {
      index = fetched;
      chosen = choosePlatform(index, reference, platform);
      fetched = await fetchManifest(repository, chosen, held);
      if (isIndex(fetched.descriptor)) throw malformed(reference, 'its index names another index');
    }
    const name = familiarName(reference);
    const manifest = readManifest(fetched.bytes, `the manifest of ${name}`);
    checkManifest(manifest, reference);
    const configBytes = await fetchConfig(repository, manifest.config, reference, held);
    const config = readConfig(configBytes, `the config of ${name}`);
    if (config.rootfs.diff_ids.length !== manifest.layers.length) {
      throw malformed(reference, 'its config and its manifest have different numbers of layers');
    }
    return {
      reference,
      descriptor: { ...bare(fetched.descriptor), platform: chosen?.platform ?? platformOf(config) },
      manifest,
      id: manifest.config.digest,
      config,
      ...(index === undefined ? {} : { index }),
      manifestBytes: fetched.bytes,
      configBytes,
    };
  });
}

/** The manifest or index of the reference. A HEAD request is enough if the store has it. */
async function readTarget(
  repository: Repository,
  { tag = 'latest', digest }: Reference,
  held: Held | undefined,
): Promise<FetchedManifest> {
  const which = digest ?? tag;
  const known = held?.target;
  if (held !== undefined && known !== undefined && held.blobs.has(known.digest)) {
    const current = digest ?? (await repository.manifestDigest(tag));
    if (current === known.digest) return { descriptor: known, bytes: held.blobs.read(known.digest) };
  }
  return repository.manifest(which);
}

async function fetchManifest(
  repository: Repository,
  descriptor: Descriptor,
  held: Held | undefined,
): Promise<FetchedManifest> {
  const { digest } = descriptor;
  if (held?.blobs.has(digest)) return { descriptor, bytes: held.blobs.read(digest) };
  return repository.manifest(digest);
}

function choosePlatform({ bytes }: FetchedManifest, reference: Reference, platform: Platform): Descriptor {
  const index = readIndex(bytes, `the index of ${familiarName(reference)}`);
  const manifests = imagesIn(index.manifests);
  const best = bestPlatform(platform, manifests);
  if (best !== undefined) return best;
  const available = manifests.flatMap((entry) =>
    entry.platform === undefined ? [] : [formatPlatform(entry.platform)],
  );
  const wanted = formatPlatform(platform);
  throw new JettisonError('PLATFORM_MISSING', `${familiarName(reference)} has no image for ${wanted}`, {
    hint:
      available.length === 0
        ? 'It holds no image at all.'
        : `It has images for ${[...new Set(available)].join(', ')}: choose one with --platform.`,
    details: { wanted, available },
  });
}

function checkManifest(manifest: Manifest, reference: Reference): void {
  const types: string[] = [MEDIA.ociConfig, MEDIA.dockerConfig];
  if (!types.includes(manifest.config.mediaType)) {
    throw new JettisonError(
      'MANIFEST_UNSUPPORTED',
      `${familiarName(reference)} is not a container image but ${manifest.config.mediaType}`,
      { hint: 'Registries can hold other artifacts, too: check the name and the tag.' },
    );
  }
}

async function fetchConfig(
  repository: Repository,
  descriptor: Descriptor,
  reference: Reference,
  held: Held | undefined,
): Promise<Buffer> {
  if (held?.blobs.has(descriptor.digest)) return held.blobs.read(descriptor.digest);
  checkLimit('config-size', descriptor.size, `the config of ${familiarName(reference)}`);
  for (let attempt = 1; ; attempt++) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of repository.blob(descriptor)) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    const actual = sha256(bytes);
    if (actual === descriptor.digest) return bytes;
    if (attempt === DAMAGE_ATTEMPTS) {
      throw new JettisonError('DIGEST_MISMATCH', `the config of ${familiarName(reference)} arrives damaged`, {
        hint: 'The registry or a proxy damages the data. Try again.',
        details: { expected: descriptor.digest, actual },
      });
    }
  }
}

function bare({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}

function platformOf({ os, architecture, variant }: ImageConfig): Platform {
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}

function malformed(reference: Reference, reason: string): JettisonError {
  return new JettisonError('MANIFEST_UNSUPPORTED', `${familiarName(reference)} cannot be used: ${reason}`, {
    hint: 'The image is damaged or of an unknown kind: push it again with a current tool.',
  });
}
