import type { Statement } from '../attest/in-toto.ts';
import {
  artifactManifest,
  attestationEntry,
  EMPTY_CONFIG,
  imageLikeConfig,
  statementLayer,
} from '../image/attestation.ts';
import { canonicalJson } from '../image/digest.ts';
import type { AttachedManifest } from '../image/image.ts';
import { type Descriptor, type Manifest, MEDIA } from '../image/types.ts';
import type { Store } from '../store/store.ts';

/** Writes statements to the store. @returns their descriptors as layers of an attestation manifest */
export function writeStatements(store: Store, statements: readonly Statement[]): Descriptor[] {
  return statements.map((statement) =>
    statementLayer(store.blobs.write(Buffer.from(canonicalJson(statement))), statement.predicateType),
  );
}

/**
 * Writes the attestation manifest of an image to the store.
 *
 * @param image its manifest
 * @param isArtifact whether it is an OCI artifact, or looks like an image as it did before BuildKit 0.32
 * @returns it with its descriptor as the index has it
 */
export function writeAttestations(
  store: Store,
  image: Descriptor,
  layers: Descriptor[],
  isArtifact: boolean,
): AttachedManifest {
  let manifest: Manifest;
  if (isArtifact) {
    store.blobs.write(Buffer.from(EMPTY_CONFIG));
    manifest = artifactManifest(layers, image);
  } else {
    const config = store.blobs.writeJson(imageLikeConfig(layers), MEDIA.ociConfig);
    manifest = { schemaVersion: 2, mediaType: MEDIA.ociManifest, config, layers };
  }
  const written = store.blobs.writeJson(manifest, MEDIA.ociManifest);
  return { descriptor: attestationEntry(written, image.digest), manifest };
}
