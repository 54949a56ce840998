import { JettisonError } from '../errors/error.ts';
import { imagesIn } from '../image/attestation.ts';
import type { Image, ImageParts, Layer } from '../image/image.ts';
import { bestPlatform, formatPlatform } from '../image/platform.ts';
import { readConfig, readIndex, readManifest } from '../image/sound.ts';
import type { Descriptor, Platform } from '../image/types.ts';
import type { ImageLayout } from '../layout/image-layout.ts';
import { isIndex } from '../store/lookup.ts';

/**
 * The image of a manifest; of an index that of the platform, else its only one.
 *
 * @param place.name of the layout, for messages; `close` lets go of it
 * @throws JettisonError `DIGEST_MISMATCH`, `PLATFORM_MISSING`, `MANIFEST_INVALID`
 */
export function imageOf(
  layout: ImageLayout,
  target: Descriptor,
  place: { name: string; label: string; platform: Platform; close?: () => Promise<void> },
): Image {
  const { name, label, platform, close = async () => {} } = place;
  const bytes = layout.document(target.digest, 'manifest-size');
  if (isIndex(target)) {
    const { manifests } = readIndex(bytes, `the index ${target.digest} of ${name}`);
    const images = imagesIn(manifests);
    const chosen = bestPlatform(platform, images) ?? (images.length === 1 ? images[0] : undefined);
    if (chosen === undefined) {
      const there = images.flatMap((one) =>
        one.platform === undefined ? [] : [formatPlatform(one.platform)],
      );
      throw new JettisonError('PLATFORM_MISSING', `${label} has no image for ${formatPlatform(platform)}`, {
        hint: `There is ${there.join(', ')}: choose one with --platform.`,
      });
    }
    return imageOf(layout, chosen, place);
  }
  const manifest = readManifest(bytes, `the manifest ${target.digest} of ${name}`);
  const { digest: id } = manifest.config;
  const config = readConfig(layout.document(id, 'config-size'), `the config ${id} of ${name}`);
  const { mediaType, digest, size } = target;
  const parts = { descriptor: { mediaType, digest, size }, manifest, id, config };
  return imageOfParts(parts, { label, open: (blob) => layout.blob(blob), close });
}

/**
 * The image of a manifest and its config, wherever they come from.
 *
 * @param place.open gives the packed bytes of a layer, `fetch` makes them verified; `close` lets go of what was opened
 * @throws JettisonError `MANIFEST_INVALID` when they do not belong together
 */
export function imageOfParts(
  { descriptor, manifest, id, config }: ImageParts,
  place: {
    label: string;
    open: (blob: Descriptor) => AsyncIterable<Buffer>;
    fetch?: (blob: Descriptor) => Promise<boolean>;
    close?: () => Promise<void>;
  },
): Image {
  const { label, open, fetch, close = async () => {} } = place;
  const { diff_ids: diffIds } = config.rootfs;
  if (diffIds.length !== manifest.layers.length) {
    throw new JettisonError(
      'MANIFEST_INVALID',
      `the config of ${label} lists ${diffIds.length} layers, and its manifest ${manifest.layers.length}`,
      { hint: 'The image is damaged or was made wrong: build, save or push it again.' },
    );
  }
  const layers = manifest.layers.map(
    (blob, at): Layer => ({
      ...{ diffId: diffIds[at]!, blob, open: () => open(blob) },
      ...(fetch && { fetch: () => fetch(blob) }),
    }),
  );
  return { label, descriptor, id, config, layers, close };
}
