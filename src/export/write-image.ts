import { type Descriptor, type ImageConfig, type Manifest, MEDIA } from '../image/types.ts';
import type { LayerBlob } from '../store/layers.ts';
import type { Store } from '../store/store.ts';

/** OCI's media types for those of Docker. */
const OCI_LAYER: Record<string, string> = {
  [MEDIA.dockerLayerGzip]: MEDIA.ociLayerGzip,
  [MEDIA.dockerLayer]: MEDIA.ociLayer,
};

export interface NewImage {
  /** Without `rootfs`, which follows from the layers. */
  config: Omit<ImageConfig, 'rootfs'>;
  /** Lowest first. */
  layers: LayerBlob[];
  /** Annotations of the manifest. */
  annotations?: Record<string, string>;
}

/**
 * Writes config and OCI manifest of an image with packed layers, as canonical JSON, so that the same image always has
 * the same digests. The image gets no name.
 */
export async function writeImage(
  store: Store,
  image: NewImage,
): Promise<{ manifest: Descriptor; config: Descriptor }> {
  const filled = image.config.history?.filter((entry) => entry.empty_layer !== true).length;
  if (filled !== undefined && filled !== image.layers.length) {
    throw new Error(`the history has ${filled} layers, but the image has ${image.layers.length}`);
  }
  const complete: ImageConfig = {
    ...image.config,
    rootfs: { type: 'layers', diff_ids: image.layers.map(({ diffId }) => diffId) },
  };
  const config = store.blobs.writeJson(complete, MEDIA.ociConfig);
  const manifest = writeManifest(
    store,
    config,
    image.layers.map(({ blob }) => blob),
    image.annotations,
  );
  return { manifest, config };
}

/** Writes an OCI manifest for a config that is in the store. @param layers lowest first */
export function writeManifest(
  store: Store,
  config: Descriptor,
  layers: Descriptor[],
  annotations?: Record<string, string>,
): Descriptor {
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MEDIA.ociManifest,
    config,
    layers: layers.map(({ mediaType, digest, size }) => ({
      mediaType: OCI_LAYER[mediaType] ?? mediaType,
      digest,
      size,
    })),
    ...(annotations === undefined ? {} : { annotations }),
  };
  return store.blobs.writeJson(manifest, MEDIA.ociManifest);
}
