import { createHash } from 'node:crypto';
import { JettisonError } from '../errors/error.ts';
import { imagesIn, isAttestation } from '../image/attestation.ts';
import { type Digest, isDigest, sha256 } from '../image/digest.ts';
import { CONTAINERD_NAME, REF_NAME } from '../image/layout.ts';
import { canonicalName, parseReference } from '../image/reference.ts';
import { readConfig, readIndex, readManifest } from '../image/sound.ts';
import { type Descriptor, type ImageConfig, type Index, MEDIA } from '../image/types.ts';
import { compressionOfFile, decompress } from '../layer/decompress.ts';
import { type DockerEntry, readDockerManifest } from '../layout/docker-manifest.ts';
import { ImageLayout } from '../layout/image-layout.ts';
import { isIndex, type NamedImage } from '../store/lookup.ts';
import type { Store } from '../store/store.ts';
import { ArchiveFiles } from './archive-files.ts';
import { writeManifest } from './write-image.ts';

/** An image of an archive, which may have no name. The id of an index is that of its first image. */
export type LoadedImage = Pick<NamedImage, 'target' | 'id' | 'names'>;

/**
 * Puts the images of an archive into the store, with their names. Formats: an OCI layout in a tar, and those of `docker
 * save` before and since version 25; plain or compressed. Blobs and configs are kept byte for byte, so that ids stay
 * the same. All digests are verified first, so a damaged archive adds no image.
 *
 * @throws JettisonError `ARCHIVE_INVALID`, `TAR_INVALID`, `DIGEST_MISMATCH`
 */
export async function readArchive(
  store: Store,
  source: AsyncIterable<Buffer>,
  signal?: AbortSignal,
): Promise<LoadedImage[]> {
  const files = await ArchiveFiles.load(store, decompress(source), signal);
  if (files.isEmpty) {
    throw new JettisonError('ARCHIVE_INVALID', 'the archive is empty', {
      hint: 'Check whether the program that writes it failed.',
    });
  }
  const layout = new ImageLayout(files, 'the archive', (reason, hint = 'Save the image again.') => {
    return new JettisonError('ARCHIVE_INVALID', `the archive cannot be used: ${reason}`, { hint });
  });
  const dockerBytes = files.read('manifest.json', 'archive-json');
  const docker = dockerBytes && readDockerManifest(dockerBytes);
  let images: LoadedImage[];
  if (files.size('index.json') !== undefined) images = await readLayout(store, layout.index(), docker ?? []);
  else if (docker !== undefined) images = await readDocker(store, files, docker);
  else if (files.has('repositories')) {
    throw new JettisonError('ARCHIVE_INVALID', 'this archive was made by a Docker older than 1.10', {
      hint: 'Load it into a newer Docker, and save it from there.',
    });
  } else {
    throw new JettisonError(
      'ARCHIVE_INVALID',
      'not an image archive: it has neither index.json nor manifest.json',
      {
        hint: '`docker export` writes a file system, not an image: ADD it to scratch.',
      },
    );
  }
  for (const { target, names } of images) {
    for (const name of names) store.images.put(name, target);
    if (names.length === 0) store.images.putNameless(target);
  }
  return images;
}

/** Reads an OCI layout. @param docker entries of Docker's `manifest.json`, which may have further names */
async function readLayout(store: Store, index: Index, docker: DockerEntry[]): Promise<LoadedImage[]> {
  const images = new Map<Digest, LoadedImage>();
  for (const descriptor of index.manifests) {
    const { mediaType, digest, size } = descriptor;
    const ids = await verifyTarget(store, { mediaType, digest, size });
    const image = images.get(digest) ?? { target: { mediaType, digest, size }, id: ids[0]!, names: [] };
    const name = nameInAnnotations(descriptor.annotations ?? {});
    const tags = docker
      .filter(({ Config }) => ids.some((id) => Config.endsWith(id.slice('sha256:'.length))))
      .flatMap(({ RepoTags }) => (RepoTags ?? []).map((tag) => canonicalName(tag)));
    for (const found of name === undefined ? tags : [name]) {
      if (!image.names.includes(found)) image.names.push(found);
    }
    images.set(digest, image);
  }
  return [...images.values()];
}

/** Checks that the archive has all parts of a manifest or an index. @returns the ids of its images */
async function verifyTarget(store: Store, target: Descriptor): Promise<Digest[]> {
  if (!isDigest(target.digest) || !store.blobs.has(target.digest))
    throw incomplete(`manifest ${target.digest}`);
  if (isIndex(target)) {
    const { manifests: children } = readIndex(
      store.blobs.read(target.digest),
      `the index ${target.digest} in the archive`,
    );
    // Platforms that were not saved are left out of the archive, but not of the index.
    const present = children.filter(({ digest }) => store.blobs.has(digest));
    const ids: Digest[] = [];
    for (const child of imagesIn(present)) ids.push(...(await verifyTarget(store, child)));
    for (const child of present) if (isAttestation(child)) verifyAttestation(store, child);
    if (ids.length === 0) throw incomplete(`every image of the index ${target.digest}`);
    return ids;
  }
  if (target.mediaType !== MEDIA.ociManifest && target.mediaType !== MEDIA.dockerManifest) {
    throw new JettisonError('ARCHIVE_INVALID', `unsupported media type in the archive: ${target.mediaType}`);
  }
  const { config, layers } = readManifest(
    store.blobs.read(target.digest),
    `the manifest ${target.digest} in the archive`,
  );
  if (!store.blobs.has(config.digest)) throw incomplete(`config ${config.digest}`);
  await verifyLayers(store, configOf(store.blobs.read(config.digest), config.digest), layers);
  return [config.digest];
}

/** Every part must be there; the blobs of an archive have their digests. */
function verifyAttestation(store: Store, { digest }: Descriptor): void {
  const { config, layers } = readManifest(
    store.blobs.read(digest),
    `the attestation manifest ${digest} in the archive`,
  );
  const lacking = [config, ...layers].find((part) => !store.blobs.has(part.digest));
  if (lacking !== undefined) throw incomplete(`part ${lacking.digest} of an attestation`);
}

/** Reads Docker's format before version 25: `manifest.json` names the configs and uncompressed layers. */
async function readDocker(store: Store, files: ArchiveFiles, entries: DockerEntry[]): Promise<LoadedImage[]> {
  const images: LoadedImage[] = [];
  for (const entry of entries) {
    const bytes = files.read(entry.Config, 'config-size');
    if (bytes === undefined) throw incomplete(`config ${entry.Config}`);
    const named = /(?:^|\/)([0-9a-f]{64})(?:\.json)?$/.exec(entry.Config)?.[1];
    const id = sha256(bytes);
    if (named !== undefined && id !== `sha256:${named}`) {
      throw new JettisonError(
        'DIGEST_MISMATCH',
        `the config ${entry.Config} in the archive has the digest ${id}`,
      );
    }
    const layers = entry.Layers.map((path) => {
      const blob = files.blob(path);
      if (blob === undefined) throw incomplete(`layer ${path}`);
      return { mediaType: layerType(store, blob.digest), ...blob };
    });
    await verifyLayers(store, configOf(bytes, entry.Config), layers);
    const config = { mediaType: MEDIA.ociConfig, ...store.blobs.write(bytes) };
    images.push({
      target: writeManifest(store, config, layers),
      id,
      names: (entry.RepoTags ?? []).map((tag) => canonicalName(tag)),
    });
  }
  return images;
}

/** Checks that all layers exist, with the diff ids of the config. */
async function verifyLayers(store: Store, config: ImageConfig, layers: Descriptor[]): Promise<void> {
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== layers.length) {
    throw new JettisonError(
      'ARCHIVE_INVALID',
      `an image of the archive has ${layers.length} layers, but its config lists ${diffIds.length}`,
    );
  }
  const verified = new Map<Digest, Digest>();
  for (const [index, { digest }] of layers.entries()) {
    if (!isDigest(digest) || !store.blobs.has(digest)) throw incomplete(`layer ${digest}`);
    let diffId = verified.get(digest);
    if (diffId === undefined) {
      diffId =
        compressionOfFile(store.blobs.path(digest)) === 'none' ? digest : await diffIdOf(store, digest);
      verified.set(digest, diffId);
    }
    if (diffId !== diffIds[index]) {
      throw new JettisonError(
        'DIGEST_MISMATCH',
        `the layer ${digest} of the archive has the diff id ${diffId} instead of ${diffIds[index]}`,
      );
    }
  }
}

async function diffIdOf(store: Store, digest: Digest): Promise<Digest> {
  const hash = createHash('sha256');
  for await (const chunk of decompress(store.blobs.stream(digest) as AsyncIterable<Buffer>))
    hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
}

const LAYER_TYPES = { none: MEDIA.ociLayer, gzip: MEDIA.ociLayerGzip, zstd: MEDIA.ociLayerZstd };

function layerType(store: Store, digest: Digest): string {
  const compression = compressionOfFile(store.blobs.path(digest));
  if (compression === 'bzip2' || compression === 'xz') {
    throw new JettisonError(
      'ARCHIVE_INVALID',
      `a layer of the archive has an unsupported compression: ${compression}`,
      {
        hint: 'Layers are uncompressed, or compressed with gzip or zstd.',
      },
    );
  }
  return LAYER_TYPES[compression];
}

/** The canonical name in annotations: containerd's, else OCI's if it is a whole name and not only a tag. */
function nameInAnnotations(annotations: Record<string, string>): string | undefined {
  for (const key of [CONTAINERD_NAME, REF_NAME]) {
    const text = annotations[key];
    if (text === undefined || !/[/:]/.test(text)) continue;
    try {
      const reference = parseReference(text);
      if (reference.digest === undefined) return canonicalName(reference);
    } catch (error) {
      // OCI allows names that are invalid in Docker: the image is loaded without a name.
      if (!(error instanceof JettisonError)) throw error;
    }
  }
  return undefined;
}

function configOf(bytes: Buffer, name: string): ImageConfig {
  return readConfig(bytes, `the config ${name} in the archive`);
}

function incomplete(part: string): JettisonError {
  return new JettisonError('ARCHIVE_INVALID', `the archive is incomplete: it lacks the ${part}`, {
    hint: 'Save the image again with all its layers.',
  });
}
