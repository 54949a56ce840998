import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { Digest } from '../image/digest.ts';
import { type Descriptor, MEDIA } from '../image/types.ts';
import type { ImageParts } from '../store/lookup.ts';
import type { Store } from '../store/store.ts';

export interface LayerSize {
  diffId: Digest;
  /** Bytes of the layer's files; of its tar where no one has looked into it yet; undefined: not known. */
  content: number | undefined;
  /** Bytes of the blob. */
  blob: number;
}

/** Knows how big layers are: reads the store's layer records once, for any number of images. */
export class LayerSizes {
  readonly #content = new Map<Digest, number>();

  constructor(private readonly store: Store) {
    for (const id of store.layers.ids()) {
      const blob = store.layers.blob(id);
      const record = blob && store.layers.record(id);
      if (record !== undefined) this.#content.set(blob!.diffId, record.size);
    }
  }

  /** Sizes of an image's layers, lowest first. */
  of(image: ImageParts): LayerSize[] {
    return image.manifest.layers.map((layer, index) => {
      const diffId = image.config.rootfs.diff_ids[index]!;
      return { diffId, content: this.#content.get(diffId) ?? this.#tarSize(layer), blob: layer.size };
    });
  }

  /** Bytes of an image's files, undefined where not all layers are known, and of its blobs. */
  total(image: ImageParts): { content: number | undefined; blobs: number } {
    const total: { content: number | undefined; blobs: number } = { content: 0, blobs: 0 };
    for (const layer of this.of(image)) {
      const { content } = layer;
      total.content =
        total.content === undefined || content === undefined ? undefined : total.content + content;
      total.blobs += layer.blob;
    }
    return total;
  }

  #tarSize({ mediaType, digest, size }: Descriptor): number | undefined {
    if (mediaType === MEDIA.ociLayer || mediaType === MEDIA.dockerLayer) return size;
    const gzip = mediaType === MEDIA.ociLayerGzip || mediaType === MEDIA.dockerLayerGzip;
    return gzip && this.store.blobs.has(digest) ? gzipContentSize(this.store.blobs.path(digest)) : undefined;
  }
}

/**
 * The size that the last four bytes of a gzip file tell: right for files of one member below 4 GiB. What
 * cannot be right, being smaller than the file, is undefined.
 */
function gzipContentSize(path: string): number | undefined {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    const trailer = Buffer.alloc(4);
    if (size < 18 || readSync(file, trailer, 0, 4, size - 4) !== 4) return undefined;
    const content = trailer.readUInt32LE();
    return content * 2 < size ? undefined : content;
  } finally {
    closeSync(file);
  }
}
