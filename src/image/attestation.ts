import type { Digest } from './digest.ts';
import { type Descriptor, type Manifest, MEDIA, type Platform } from './types.ts';

/**
 * How statements about an image are stored beside it, as BuildKit does: an index has, after the manifests of its images,
 * one attestation manifest for each. Its layers are in-toto statements.
 *
 * ```
 * index ─┬─ manifest (linux/amd64)
 *        └─ attestation manifest (unknown/unknown; vnd.docker.reference.digest: the manifest above) ── statements
 * ```
 *
 * Specification: https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md
 */
export const ATTESTATION = {
  artifactType: 'application/vnd.docker.attestation.manifest.v1+json',
  /** Media type of a statement. */
  statement: 'application/vnd.in-toto+json',
  /** Annotation of a statement's descriptor. */
  predicateType: 'in-toto.io/predicate-type',
  /** Annotations of an attestation manifest's entry in the index. */
  referenceType: 'vnd.docker.reference.type',
  referenceDigest: 'vnd.docker.reference.digest',
} as const;

const MANIFEST_REFERENCE = 'attestation-manifest';

/** The platform of entries that are not images. */
const NO_PLATFORM: Platform = { architecture: 'unknown', os: 'unknown' };

/** `{}`, the config of OCI artifacts. */
export const EMPTY_CONFIG = '{}';
const EMPTY_DIGEST = 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a';

/** Whether an entry of an index is not an image, but says something about another entry. */
export function isAttestation({ annotations, platform }: Descriptor): boolean {
  return (
    annotations?.[ATTESTATION.referenceType] !== undefined ||
    (platform?.os === NO_PLATFORM.os && platform.architecture === NO_PLATFORM.architecture)
  );
}

/** The entries of an index that are images. */
export function imagesIn(manifests: readonly Descriptor[]): Descriptor[] {
  return manifests.filter((one) => !isAttestation(one));
}

/** The entries of an index that are attestation manifests of an image. @param image digest of its manifest */
export function attestationsOf(manifests: readonly Descriptor[], image: Digest): Descriptor[] {
  return manifests.filter(
    ({ annotations }) =>
      annotations?.[ATTESTATION.referenceType] === MANIFEST_REFERENCE &&
      annotations[ATTESTATION.referenceDigest] === image,
  );
}

/** Whether a manifest is an attestation manifest, by what it holds. */
export function holdsStatements({ layers }: Manifest): boolean {
  return layers.length > 0 && layers.every(({ mediaType }) => mediaType.includes('in-toto'));
}

/** The entry of an attestation manifest in the index. */
export function attestationEntry({ mediaType, digest, size }: Descriptor, image: Digest): Descriptor {
  return {
    ...{ mediaType, digest, size },
    annotations: {
      [ATTESTATION.referenceDigest]: image,
      [ATTESTATION.referenceType]: MANIFEST_REFERENCE,
    },
    platform: NO_PLATFORM,
  };
}

/** A statement's blob as a layer. */
export function statementLayer(blob: { digest: Digest; size: number }, predicateType: string): Descriptor {
  return {
    mediaType: ATTESTATION.statement,
    ...blob,
    annotations: { [ATTESTATION.predicateType]: predicateType },
  };
}

/**
 * An attestation manifest as an OCI artifact, which registries list among the image's referrers. Its config is
 * `EMPTY_CONFIG`.
 *
 * @param subject the image's manifest
 */
export function artifactManifest(layers: Descriptor[], { mediaType, digest, size }: Descriptor): Manifest {
  return {
    ...{ schemaVersion: 2, mediaType: MEDIA.ociManifest, artifactType: ATTESTATION.artifactType },
    config: { mediaType: MEDIA.ociEmpty, digest: EMPTY_DIGEST, size: EMPTY_CONFIG.length, data: 'e30=' },
    layers,
    subject: { mediaType, digest, size },
  };
}

/** The config of an attestation manifest that looks like an image: BuildKit's form before OCI artifacts. */
export function imageLikeConfig(layers: readonly Descriptor[]): object {
  const diffIds = layers.map(({ digest }) => digest);
  return { ...NO_PLATFORM, config: {}, rootfs: { type: 'layers', diff_ids: diffIds } };
}
