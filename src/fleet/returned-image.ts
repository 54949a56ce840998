import { JettisonError } from '../errors/error.ts';
import { checkLimit } from '../errors/limits.ts';
import type { Digest } from '../image/digest.ts';
import { readConfig, readManifest } from '../image/sound.ts';
import type { ImageConfig, Manifest } from '../image/types.ts';
import type { Blobs } from '../store/blobs.ts';

/**
 * Reads manifest and config of an image that a builder returned, within the limits of their sizes.
 *
 * @param builder for errors
 * @throws JettisonError `BUILDER_FAILED` for a missing, large or invalid document
 */
export function returnedImage(
  blobs: Blobs,
  digest: Digest,
  builder: string,
): { manifest: Manifest; config: ImageConfig } {
  try {
    checkLimit('manifest-size', blobs.size(digest) ?? 0, `the manifest ${digest}`);
    const manifest = readManifest(blobs.read(digest), `the manifest ${digest}`);
    const { digest: id } = manifest.config;
    checkLimit('config-size', blobs.size(id) ?? 0, `the config ${id}`);
    return { manifest, config: readConfig(blobs.read(id), `the config ${id}`) };
  } catch (error) {
    if (!(error instanceof JettisonError)) throw error;
    throw unusableImage(builder, error.message, error);
  }
}

/** The error for an image of a builder that cannot be used. */
export function unusableImage(builder: string, reason: string, cause?: unknown): JettisonError {
  return new JettisonError('BUILDER_FAILED', `the builder ${builder} returned an unusable image: ${reason}`, {
    hint: '`jettison builder check` shows whether it can be used.',
    details: { builder },
    cause,
  });
}
