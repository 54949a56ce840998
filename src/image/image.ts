import type { Digest } from './digest.ts';
import type { Descriptor, ImageConfig, Manifest } from './types.ts';

/** One layer of an image, wherever that is: the smallest thing that everything else can be made of. */
export interface Layer {
  /** Digest of the uncompressed tar. */
  readonly diffId: Digest;
  /** Its packed form: media type, digest and size as the manifest has them. */
  readonly blob: Descriptor;
  /** The packed bytes, not verified: the reader of their tar compares it with the diff id. */
  open(signal?: AbortSignal): AsyncIterable<Buffer>;
}

/** An image, wherever it is: in the store, an archive, a layout, a registry or an engine. */
export interface Image {
  /** How to say which one is meant: a familiar name, else the reference that it was opened by. */
  readonly label: string;
  /** Its manifest; of an image that has none (`dir:`), its config. */
  readonly descriptor: Descriptor;
  /** Digest of the config, which Docker calls the image's id. */
  readonly id: Digest;
  readonly config: ImageConfig;
  /** Lowest first. */
  readonly layers: readonly Layer[];
  /** Lets go of what was opened or downloaded for it. */
  close(): Promise<void>;
}

/** The documents of an image; the blobs of its layers may be elsewhere. */
export interface ImageParts {
  /** Of the manifest; when a name stands for an index, of the manifest chosen from it. */
  descriptor: Descriptor;
  manifest: Manifest;
  /** The image id, as Docker calls it. */
  id: Digest;
  config: ImageConfig;
}

/** An image for one platform or several, as a name stands for it. */
export interface ImageSet {
  /** The manifest, or the index of several manifests. */
  target: Descriptor;
  /** One a platform. */
  images: ImageParts[];
}
