import { JettisonError } from '../errors/error.ts';
import type { LimitName } from '../errors/limits.ts';
import { type Digest, sha256 } from '../image/digest.ts';
import type { Image, Layer } from '../image/image.ts';
import { bestPlatform, formatPlatform } from '../image/platform.ts';
import { readConfig, readIndex, readManifest } from '../image/sound.ts';
import { type Descriptor, MEDIA, type Platform } from '../image/types.ts';
import type { ImageLayout } from '../layout/image-layout.ts';

/** Where the parts of an image come from, by digest. */
export interface Parts {
  /** For messages: `the OCI layout "x"`. */
  readonly name: string;
  /** The bytes of a manifest, an index or a config, as they are there. */
  document(digest: Digest, limit: LimitName): Promise<Buffer>;
  /** The bytes of a packed layer, as they are there. */
  open(blob: Descriptor, signal?: AbortSignal): AsyncIterable<Buffer>;
  close?(): Promise<void>;
}

/** The parts of an image in a layout. */
export function layoutParts(layout: ImageLayout, name: string): Parts {
  return {
    name,
    document: async (digest, limit) => layout.document(digest, limit),
    open: (blob) => layout.blob(blob),
  };
}

/**
 * The image of a manifest; of an index that of the platform, else its only one.
 *
 * @throws JettisonError `DIGEST_MISMATCH`, `PLATFORM_MISSING`, `MANIFEST_INVALID`
 */
export async function imageOf(
  parts: Parts,
  target: Descriptor,
  { label, platform }: { label: string; platform: Platform },
): Promise<Image> {
  const bytes = await verified(parts, target.digest, 'manifest-size');
  if (target.mediaType === MEDIA.ociIndex || target.mediaType === MEDIA.dockerList) {
    const { manifests } = readIndex(bytes, `the index ${target.digest} of ${parts.name}`);
    const images = manifests.filter(
      ({ annotations }) => annotations?.['vnd.docker.reference.type'] === undefined,
    );
    const chosen = bestPlatform(platform, images) ?? (images.length === 1 ? images[0] : undefined);
    if (chosen === undefined) {
      const there = images.flatMap((one) =>
        one.platform === undefined ? [] : [formatPlatform(one.platform)],
      );
      throw new JettisonError('PLATFORM_MISSING', `${label} has no image for ${formatPlatform(platform)}`, {
        hint: `There is ${there.join(', ')}: choose one with --platform.`,
      });
    }
    return imageOf(parts, chosen, { label, platform });
  }
  const manifest = readManifest(bytes, `the manifest ${target.digest} of ${parts.name}`);
  const { digest: id } = manifest.config;
  const config = readConfig(await verified(parts, id, 'config-size'), `the config ${id} of ${parts.name}`);
  const { diff_ids: diffIds } = config.rootfs;
  if (diffIds.length !== manifest.layers.length) {
    throw new JettisonError(
      'MANIFEST_INVALID',
      `the config of ${label} lists ${diffIds.length} layers, and its manifest ${manifest.layers.length}`,
      { hint: 'The image is damaged or was made wrong: build, save or push it again.' },
    );
  }
  const layers = manifest.layers.map(
    (blob, at): Layer => ({ diffId: diffIds[at]!, blob, open: (signal) => parts.open(blob, signal) }),
  );
  const { mediaType, digest, size } = target;
  return {
    ...{ label, descriptor: { mediaType, digest, size }, id, config, layers },
    close: async () => parts.close?.(),
  };
}

async function verified(parts: Parts, digest: Digest, limit: LimitName): Promise<Buffer> {
  const bytes = await parts.document(digest, limit);
  const actual = sha256(bytes);
  if (actual === digest) return bytes;
  throw new JettisonError('DIGEST_MISMATCH', `${digest} of ${parts.name} has the digest ${actual}`, {
    hint: 'It is damaged: write, save or push the image again.',
  });
}
