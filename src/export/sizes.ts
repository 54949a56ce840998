import type { Digest } from '../image/digest.ts';
import type { ImageParts } from '../image/image.ts';
import type { Store } from '../store/store.ts';

export interface LayerSize {
  diffId: Digest;
  /** Bytes of the layer's files; undefined until the layer has been read. Never an estimate. */
  content: number | undefined;
  /** Bytes of the blob. */
  blob: number;
}

/** Sizes of layers. Reads the store's layer records once, for any number of images. */
export class LayerSizes {
  readonly #content = new Map<Digest, number>();

  constructor(store: Store) {
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
      return { diffId, content: this.#content.get(diffId), blob: layer.size };
    });
  }

  /** Bytes of an image's files (undefined unless all layers are known) and of its blobs. */
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
}
