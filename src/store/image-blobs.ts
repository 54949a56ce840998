import type { Digest } from '../image/digest.ts';
import { type Index, type Manifest, MEDIA } from '../image/types.ts';
import type { StoredImage } from './images.ts';
import { isIndex } from './lookup.ts';
import type { Store } from './store.ts';
import { readNames } from './temporary.ts';

/** Digests of all blobs (indexes, manifests, configs, layers) of the images that `which` selects; default: all. */
export function imageBlobs(store: Store, which: (image: StoredImage) => boolean = () => true): Set<Digest> {
  const found = new Set<Digest>();
  const visit = (mediaType: string, digest: Digest) => {
    if (found.has(digest)) return;
    found.add(digest);
    if (!store.blobs.has(digest)) return;
    if (isIndex({ mediaType })) {
      for (const child of store.blobs.readJson<Index>(digest).manifests) visit(child.mediaType, child.digest);
    } else if (mediaType === MEDIA.ociManifest || mediaType === MEDIA.dockerManifest) {
      const manifest = store.blobs.readJson<Manifest>(digest);
      found.add(manifest.config.digest);
      for (const layer of manifest.layers) found.add(layer.digest);
    }
  };
  for (const image of store.images.list()) {
    if (which(image)) visit(image.manifest.mediaType, image.manifest.digest);
  }
  return found;
}

/** Digests of all blobs of the store. */
export function allBlobs(store: Store): Digest[] {
  return readNames(store.layout.blobs).map((name): Digest => `sha256:${name}`);
}
