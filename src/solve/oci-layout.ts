import { closeSync, createReadStream, existsSync, fstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { JettisonError } from '../errors/error.ts';
import { checkLimit, type LimitName } from '../errors/limits.ts';
import { type Digest, isDigest, sha256 } from '../image/digest.ts';
import { bestPlatform } from '../image/platform.ts';
import {
  isKnownLayout,
  layoutVersion,
  parseDocument,
  readConfig,
  readIndex,
  readManifest,
} from '../image/sound.ts';
import { type Descriptor, type ImageConfig, type Manifest, MEDIA, type Platform } from '../image/types.ts';
import { openFileWithin } from '../layer/host-file.ts';
import { isIndex } from '../store/lookup.ts';
import type { Store } from '../store/store.ts';

const REF_NAME = 'org.opencontainers.image.ref.name';
const LAYOUT_HINT = 'Give a folder with an index.json and blobs/, as `skopeo copy … oci:FOLDER` writes it.';

/**
 * Puts an image of an OCI image layout into the store.
 *
 * @param text a folder, `:tag` or `@digest` behind it; without both the tag `latest`, or the only image
 * @throws JettisonError `OCI_LAYOUT`, `DIGEST_MISMATCH`
 */
export async function importOciLayout(
  store: Store,
  text: string,
  platform: Platform,
): Promise<{ descriptor: Descriptor; manifest: Manifest; config: ImageConfig }> {
  const { folder, tag, digest } = parseOciLayout(text);
  checkVersion(folder);
  const index = readIndex(read(folder, 'index.json'), `index.json of the OCI layout "${folder}"`);
  const descriptor = choose(folder, index.manifests, tag, digest, platform);
  const part = (digest: Digest) => `${digest} of the OCI layout "${folder}"`;
  const manifest = readManifest(copySmall(store, folder, descriptor.digest), part(descriptor.digest));
  const { digest: configDigest } = manifest.config;
  const config = readConfig(copySmall(store, folder, configDigest, 'config-size'), part(configDigest));
  if (config.rootfs.diff_ids.length !== manifest.layers.length) {
    throw problem(folder, 'the config of the image does not name as many layers as its manifest');
  }
  for (const layer of manifest.layers) await copyLayer(store, folder, layer);
  return { descriptor, manifest, config };
}

/**
 * Takes `FOLDER[:TAG][@DIGEST]` apart. Folders may have `@` and `:` in their names: only what looks like a digest is
 * one, and a tag has no slash; a folder that is there under the whole name is meant.
 */
export function parseOciLayout(
  text: string,
  exists: (path: string) => boolean = existsSync,
): { folder: string; tag?: string; digest?: string } {
  const at = text.lastIndexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  if (digest !== undefined && /^sha\d+:[^/@]*$/.test(digest) && !exists(text)) {
    return { ...parseOciLayout(text.slice(0, at), exists), digest };
  }
  const colon = text.lastIndexOf(':');
  const tag = text.slice(colon + 1);
  if (colon < 1 || !/^\w[\w.-]{0,127}$/.test(tag) || exists(text)) return { folder: text };
  return { folder: text.slice(0, colon), tag };
}

async function copyLayer(store: Store, folder: string, blob: Descriptor): Promise<void> {
  if (store.blobs.has(blob.digest)) return;
  const fd = open(folder, blobName(blob.digest));
  await store.blobs.writeStream(createReadStream('', { fd, highWaterMark: 1 << 20 }), blob);
}

/** Opens a file of the layout, whose maker may be anybody. */
function open(folder: string, name: string): number {
  try {
    return openFileWithin(folder, name);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    switch (code) {
      case undefined:
        throw error;
      case 'ENOENT':
        throw problem(folder, `it lacks ${name}`, LAYOUT_HINT);
      case 'ELOOP':
        throw problem(folder, message, 'Copy it with `cp -RL`, so that its files are in it.');
      default:
        throw problem(folder, message, LAYOUT_HINT);
    }
  }
}

function choose(
  folder: string,
  manifests: Descriptor[],
  tag: string | undefined,
  digest: string | undefined,
  platform: Platform,
): Descriptor {
  const named = (name: string) =>
    manifests.find(({ annotations }) => {
      const ref = annotations?.[REF_NAME];
      return ref === name || ref?.endsWith(`:${name}`);
    });
  const found =
    digest !== undefined
      ? byDigest(folder, manifests, digest)
      : tag !== undefined
        ? named(tag)
        : (named('latest') ?? (manifests.length === 1 ? manifests[0] : undefined));
  if (found === undefined) {
    const names = manifests.flatMap(({ annotations }) => annotations?.[REF_NAME] ?? []);
    throw problem(
      folder,
      `it has no image "${digest ?? tag ?? 'latest'}"`,
      names.length === 0
        ? 'Name one by its digest: oci-layout://FOLDER@sha256:…'
        : `There is ${names.join(', ')}.`,
    );
  }
  if (!isIndex(found)) return found;
  const { manifests: children } = readIndex(
    read(folder, blobName(found.digest)),
    `${found.digest} of the OCI layout "${folder}"`,
  );
  const child = bestPlatform(platform, children);
  if (child === undefined) throw problem(folder, `"${tag ?? found.digest}" has no image for this platform`);
  return child;
}

/** A digest may name what the index lists, or any manifest among the blobs. */
function byDigest(folder: string, manifests: Descriptor[], text: string): Descriptor {
  if (!isDigest(text)) throw problem(folder, `"${text}" is no digest`);
  const listed = manifests.find(({ digest }) => digest === text);
  if (listed !== undefined) return listed;
  const bytes = read(folder, blobName(text));
  const document = parseDocument(bytes, `${text} of the OCI layout "${folder}"`) as {
    mediaType?: unknown;
  } | null;
  const mediaType = typeof document?.mediaType === 'string' ? document.mediaType : MEDIA.ociManifest;
  return { mediaType, digest: text, size: bytes.length };
}

function copySmall(store: Store, folder: string, digest: Digest, what?: LimitName): Buffer {
  const bytes = read(folder, blobName(digest), what);
  const actual = sha256(bytes);
  if (actual !== digest) {
    throw new JettisonError(
      'DIGEST_MISMATCH',
      `${digest} of the OCI layout "${folder}" has the digest ${actual}`,
      {
        hint: 'The layout is damaged: write it again.',
      },
    );
  }
  store.blobs.write(bytes);
  return bytes;
}

function blobName(digest: Digest): string {
  return join('blobs', ...digest.split(':'));
}

function read(folder: string, name: string, what: LimitName = 'manifest-size'): Buffer {
  const fd = open(folder, name);
  try {
    checkLimit(what, fstatSync(fd).size, `${name} of the OCI layout "${folder}"`, 'OCI_LAYOUT');
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** A layout without its version is taken for what it looks like. */
function checkVersion(folder: string): void {
  if (!existsSync(join(folder, 'oci-layout'))) return;
  const marker = parseDocument(read(folder, 'oci-layout'), `oci-layout of the OCI layout "${folder}"`);
  const version = layoutVersion(marker);
  if (version !== undefined && !isKnownLayout(version)) {
    throw problem(folder, `it has the layout version ${version}, and this Jettison reads version 1`);
  }
}

function problem(folder: string, reason: string, hint?: string): JettisonError {
  return new JettisonError('OCI_LAYOUT', `the OCI image layout "${folder}" cannot be used: ${reason}`, {
    ...(hint === undefined ? {} : { hint }),
  });
}
