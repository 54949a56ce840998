import { existsSync } from 'node:fs';
import { JettisonError } from '../errors/error.ts';
import type { LimitName } from '../errors/limits.ts';
import { imagesIn } from '../image/attestation.ts';
import type { Digest } from '../image/digest.ts';
import type { ImageParts } from '../image/image.ts';
import { bestPlatform, formatPlatform } from '../image/platform.ts';
import { readConfig, readIndex, readManifest } from '../image/sound.ts';
import type { Descriptor, Platform } from '../image/types.ts';
import { ImageLayout } from '../layout/image-layout.ts';
import { isIndex } from '../store/lookup.ts';
import type { Store } from '../store/store.ts';

/**
 * Puts an image of an OCI image layout into the store.
 *
 * @param text `FOLDER[:TAG|@DIGEST]`; default: the tag `latest`, or the only image
 * @throws JettisonError `OCI_LAYOUT`, `DIGEST_MISMATCH`
 */
export async function importOciLayout(store: Store, text: string, platform: Platform): Promise<ImageParts> {
  const { folder, tag, digest } = parseOciLayout(text);
  const layout = ImageLayout.folder(folder);
  const part = (one: Digest) => `${one} of the OCI layout "${folder}"`;
  const copy = (one: Digest, limit: LimitName) => {
    const bytes = layout.document(one, limit);
    store.blobs.write(bytes);
    return bytes;
  };
  const listed = layout.choose(digest ?? tag);
  const descriptor = isIndex(listed) ? forPlatform(layout, listed, folder, platform) : listed;
  const manifest = readManifest(copy(descriptor.digest, 'manifest-size'), part(descriptor.digest));
  const { digest: id } = manifest.config;
  const config = readConfig(copy(id, 'config-size'), part(id));
  if (config.rootfs.diff_ids.length !== manifest.layers.length) {
    throw new JettisonError(
      'OCI_LAYOUT',
      `the OCI image layout "${folder}" cannot be used: config and manifest list different numbers of layers`,
      { hint: 'Write the image again.' },
    );
  }
  for (const layer of manifest.layers) {
    if (!store.blobs.has(layer.digest)) await store.blobs.writeStream(layout.blob(layer), layer);
  }
  return { descriptor, manifest, id, config };
}

function forPlatform(
  layout: ImageLayout,
  { digest }: Descriptor,
  folder: string,
  platform: Platform,
): Descriptor {
  const bytes = layout.document(digest, 'manifest-size');
  const { manifests } = readIndex(bytes, `${digest} of the OCI layout "${folder}"`);
  const found = bestPlatform(platform, imagesIn(manifests));
  if (found !== undefined) return found;
  throw new JettisonError(
    'OCI_LAYOUT',
    `the OCI image layout "${folder}" has no image for ${formatPlatform(platform)}`,
    { hint: 'Choose one of its platforms with --platform, or write the image for this one into it.' },
  );
}

/**
 * Parses `FOLDER[:TAG][@DIGEST]`. Folders may have `@` and `:` in their names: a digest must look like one, a tag has no
 * slash, and an existing folder with the whole text as its name takes precedence.
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
