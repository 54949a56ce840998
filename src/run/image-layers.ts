import type { Digest } from '../image/digest.ts';
import type { ImageParts } from '../image/image.ts';
import type { Descriptor } from '../image/types.ts';
import type { Worker } from '../protocol/operations.ts';
import type { DirectoryForm } from '../store/forms.ts';
import { layerId } from '../store/layers.ts';
import type { Store } from '../store/store.ts';

/**
 * Makes the directory form of every layer of an image.
 *
 * @param fetch downloads a blob that the store lacks
 * @returns the layers' ids, lowest first
 */
export async function layerDirectories(
  store: Store,
  image: ImageParts,
  worker: Worker,
  fetch: (blob: Descriptor) => Promise<void>,
): Promise<string[]> {
  const [form] = worker.forms;
  const built = builtLayers(store, form);
  const ids: string[] = [];
  for (const [index, blob] of image.manifest.layers.entries()) {
    const diffId = image.config.rootfs.diff_ids[index]!;
    const id = built.get(diffId) ?? layerId(diffId);
    ids.push(id);
    // Removes a damaged directory: it is made again from the blob below.
    if (store.layers.hasDirectory(id, form)) await worker.sampleDirectory({ layer: id });
    if (store.layers.hasDirectory(id, form)) continue;
    await fetch(blob);
    await worker.unpack({
      layer: { id, key: diffId, kind: 'image' },
      path: store.blobs.path(blob.digest),
      expect: { digest: blob.digest, diffId },
      whiteouts: true,
      directory: true,
    });
  }
  return ids;
}

/** Ids of built layers with a directory form, by diff id: they need no unpacking. */
function builtLayers(store: Store, form: DirectoryForm): Map<Digest, string> {
  const built = new Map<Digest, string>();
  for (const id of store.layers.ids()) {
    if (!store.layers.hasDirectory(id, form)) continue;
    const packed = store.layers.blob(id);
    if (packed !== undefined) built.set(packed.diffId, id);
  }
  return built;
}
