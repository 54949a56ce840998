import { JettisonError } from '../errors/error.ts';
import type { Digest } from '../image/digest.ts';
import type { ImageSet } from '../image/image.ts';
import { CONTAINERD_NAME, REF_NAME } from '../image/layout.ts';
import type { Descriptor } from '../image/types.ts';
import { parallel, TRANSFERS } from '../registry/parallel.ts';
import { isIndex } from '../store/lookup.ts';
import type { Store } from '../store/store.ts';
import type { Delivery } from './delivery.ts';
import { imageOf } from './image-keys.ts';
import type { ImageOptions } from './output.ts';

/** An image of a layout, in an archive or a folder. */
export interface NamedSet extends ImageSet {
  /** Canonical names; may be empty. */
  names: string[];
}

/** A build's image with the names of an output. Missing layers of its base image are downloaded first. */
export async function wholeImage(job: Delivery, output: ImageOptions): Promise<NamedSet> {
  const { made, names } = await imageOf(job, output);
  const layers = made.images.flatMap(({ manifest }) => manifest.layers);
  await parallel(layers, TRANSFERS, job.fetchBlob);
  return { ...made, names };
}

/**
 * All blobs of images, sorted by digest.
 *
 * @param omit layers whose blobs are left out
 * @throws JettisonError `BLOB_MISSING` when a layer has never been fetched
 */
export function blobsOf(
  store: Store,
  images: readonly ImageSet[],
  omit: ReadonlySet<Digest> = new Set(),
): { digest: Digest; size: number }[] {
  const blobs = new Map<Digest, number>();
  for (const { target } of images) if (isIndex(target)) blobs.set(target.digest, target.size);
  const manifests = images.flatMap((one) => [...one.images, ...(one.attestations ?? [])]);
  for (const { descriptor, manifest } of manifests) {
    for (const { digest } of [descriptor, manifest.config, ...manifest.layers]) {
      if (omit.has(digest)) continue;
      const size = store.blobs.size(digest);
      if (size === undefined) {
        throw new JettisonError('BLOB_MISSING', `the store does not hold ${digest}, a part of the image`, {
          hint: 'Pull the image (or its base image) first.',
        });
      }
      blobs.set(digest, size);
    }
  }
  return [...blobs]
    .map(([digest, size]) => ({ digest, size }))
    .sort((a, b) => (a.digest < b.digest ? -1 : 1));
}

/** Entries of `index.json`: one per name, as containerd and Podman expect. */
export function entriesOf(images: readonly NamedSet[]): Descriptor[] {
  return images.flatMap(({ target: { mediaType, digest, size }, names }) => {
    const bare = { mediaType, digest, size };
    if (names.length === 0) return [bare];
    return names.map((name) => ({
      ...bare,
      annotations: { [CONTAINERD_NAME]: name, [REF_NAME]: name },
    }));
  });
}
