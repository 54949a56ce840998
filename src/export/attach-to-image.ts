import type { Statement } from '../attest/in-toto.ts';
import { ATTESTATION, attestationsOf, imagesIn, isAttestation } from '../image/attestation.ts';
import type { ImageParts } from '../image/image.ts';
import { readIndex, readManifest } from '../image/sound.ts';
import { type Descriptor, type Index, MEDIA } from '../image/types.ts';
import { isIndex } from '../store/lookup.ts';
import type { Store } from '../store/store.ts';
import { writeAttestations, writeStatements } from './attach.ts';

/** Statements to attach to an image. */
export interface Attachment {
  image: ImageParts;
  statements: Statement[];
}

/**
 * Attaches statements to images of the store. A statement takes the place of those of its type; all others, and the
 * manifests of the images, stay as they are.
 *
 * @param target the manifest of the image, or the index that the images are in
 * @param isArtifact the form of the attestation manifests
 * @returns the new index, which has no name yet
 */
export function attachToImage(
  store: Store,
  target: Descriptor,
  attachments: readonly Attachment[],
  isArtifact: boolean,
): Descriptor {
  const before = isIndex(target)
    ? readIndex(store.blobs.read(target.digest), `the index ${target.digest}`)
    : indexOf(attachments[0]!.image);
  const manifests = [...before.manifests];
  for (const { image, statements } of attachments) {
    const { digest } = image.descriptor;
    const types = new Set(statements.map(({ predicateType }) => predicateType));
    const old = attestationsOf(manifests, digest);
    const kept = old
      .flatMap((one) => readManifest(store.blobs.read(one.digest), `the manifest ${one.digest}`).layers)
      .filter(({ annotations }) => !types.has(annotations?.[ATTESTATION.predicateType] ?? ''));
    const layers = [...kept, ...writeStatements(store, statements)];
    const { descriptor } = writeAttestations(store, bare(image.descriptor), layers, isArtifact);
    const at = old[0] === undefined ? manifests.length : manifests.indexOf(old[0]);
    manifests.splice(at, 1, descriptor);
    for (const one of old.slice(1)) manifests.splice(manifests.indexOf(one), 1);
  }
  // Images come first, as in BuildKit's indexes.
  const others = manifests.filter(isAttestation);
  return store.blobs.writeJson({ ...before, manifests: [...imagesIn(manifests), ...others] }, MEDIA.ociIndex);
}

function indexOf({ descriptor, config }: ImageParts): Index {
  const { os, architecture, variant } = config;
  const platform = { architecture, os, ...(variant === undefined ? {} : { variant }) };
  return {
    ...{ schemaVersion: 2, mediaType: MEDIA.ociIndex },
    manifests: [{ ...bare(descriptor), platform }],
  };
}

function bare({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}
