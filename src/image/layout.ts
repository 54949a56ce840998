import { type Digest, isDigest } from './digest.ts';
import { type Descriptor, type Index, MEDIA } from './types.ts';

/** The content of the file `oci-layout` of an OCI image layout. */
export const LAYOUT_MARKER = '{"imageLayoutVersion":"1.0.0"}';

/** Annotation of an entry in `index.json`: a tag, or a whole name. */
export const REF_NAME = 'org.opencontainers.image.ref.name';

/** Annotation of an entry in `index.json`: containerd's, always a whole name. */
export const CONTAINERD_NAME = 'io.containerd.image.name';

/** The path of a blob in an OCI image layout. @throws TypeError for an invalid digest */
export function blobName(digest: Digest): string {
  if (!isDigest(digest)) throw new TypeError(`invalid digest "${digest}"`);
  return `blobs/${digest.replace(':', '/')}`;
}

/** The `index.json` of a layout. */
export function layoutIndex(manifests: Descriptor[]): Index {
  return { schemaVersion: 2, mediaType: MEDIA.ociIndex, manifests };
}
