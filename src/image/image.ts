import type { Digest } from './digest.ts';
import type { Descriptor, ImageConfig, Manifest } from './types.ts';

/** One layer of an image of any source. */
export interface Layer {
  /** Digest of the uncompressed tar. */
  readonly diffId: Digest;
  /** Its packed form: media type, digest and size as the manifest has them. */
  readonly blob: Descriptor;
  /** The packed bytes, not verified: the reader compares the uncompressed tar with the diff id. */
  open(signal?: AbortSignal): AsyncIterable<Buffer>;
  /**
   * Puts the packed bytes, verified, where `open` takes them from then on. @returns false if it takes them from there already
   */
  fetch?(): Promise<boolean>;
}

/** An image of any source: the store, an archive, a layout, a registry or an engine. */
export interface Image {
  /** Its name in messages: a familiar name, else the reference that it was opened by. */
  readonly label: string;
  /** Descriptor of its manifest; without one (`dir:`), of its config. */
  readonly descriptor: Descriptor;
  /** Digest of the config, which Docker calls the image's id. */
  readonly id: Digest;
  readonly config: ImageConfig;
  /** Lowest first. */
  readonly layers: readonly Layer[];
  /** Closes its files and deletes its downloads. */
  close(): Promise<void>;
}

/** The documents of an image; the blobs of its layers may be elsewhere. */
export interface ImageParts {
  /** Of the manifest, which may have been chosen from an index. */
  descriptor: Descriptor;
  manifest: Manifest;
  /** Digest of the config: Docker's image id. */
  id: Digest;
  config: ImageConfig;
}

/** The image or images (one per platform) that a name refers to. */
export interface ImageSet {
  /** The manifest, or the index of several manifests. */
  target: Descriptor;
  /** One per platform. */
  images: ImageParts[];
  /** Attestation manifests of those images. */
  attestations?: AttachedManifest[];
}

/** An attestation manifest of an index. */
export interface AttachedManifest {
  descriptor: Descriptor;
  manifest: Manifest;
}
