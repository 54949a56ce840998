import type { Statement } from '../attest/in-toto.ts';
import { canonicalJson } from '../image/digest.ts';
import type { AttachedManifest, ImageParts, ImageSet } from '../image/image.ts';
import { type Descriptor, type Index, type Manifest, MEDIA } from '../image/types.ts';
import type { LayerBlob } from '../store/layers.ts';
import type { Store } from '../store/store.ts';
import type { BuiltPlatform, ExportLayer, ImageForm, LayerTimes } from './output.ts';
import { writeImage } from './write-image.ts';

export interface ImageMakerOptions {
  store: Store;
  built: BuiltPlatform[];
  /** Whether to write an index even for one platform. */
  asIndex: boolean;
  /** SOURCE_DATE_EPOCH in seconds: the latest time with `rewriteTimestamp`. */
  epoch: number | undefined;
  /** Time of all files in layers of this build, in seconds since 1970. */
  setTime: number | undefined;
  /** Downloads a blob of the base into the store. */
  fetchBlob: (blob: Descriptor) => Promise<void>;
  /** Makes the statements that are attached to the image of a platform. */
  attest?: Attest | undefined;
}

/** @param at of the platform */
export type Attest = (image: ImageParts, at: number) => Promise<Statement[]>;

/** Writes the image of a build to the store, without a name: each requested form once. */
export class ImageMaker {
  readonly #options: ImageMakerOptions;
  readonly #made = new Map<string, Promise<ImageSet>>();

  constructor(options: ImageMakerOptions) {
    this.#options = options;
  }

  make(form: ImageForm = {}): Promise<ImageSet> {
    const key = canonicalJson(form);
    let made = this.#made.get(key);
    if (made === undefined) {
      made = this.#make(form);
      this.#made.set(key, made);
    }
    return made;
  }

  async #make(form: ImageForm): Promise<ImageSet> {
    const { store, built, asIndex } = this.#options;
    const images = await Promise.all(built.map((one) => this.#platform(one, form)));
    const attestations = await this.#attestations(images, form);
    const isIndex = asIndex || images.length > 1 || attestations.length > 0;
    if (!isIndex) return { target: images[0]!.descriptor, images };
    const index: Index = {
      schemaVersion: 2,
      mediaType: MEDIA.ociIndex,
      manifests: [
        ...images.map(({ descriptor }, i) => ({
          ...descriptor,
          platform: built[i]!.platform,
          ...annotated(form.annotations?.manifestDescriptor),
        })),
        ...attestations.map(({ descriptor }) => descriptor),
      ],
      ...annotated(form.annotations?.index),
    };
    const target = store.blobs.writeJson(index, MEDIA.ociIndex);
    return { target, images, ...(attestations.length > 0 && { attestations }) };
  }

  async #attestations(images: ImageParts[], { ociArtifact = true }: ImageForm): Promise<AttachedManifest[]> {
    const { store, attest } = this.#options;
    if (attest === undefined) return [];
    const { writeAttestations, writeStatements } = await import('./attach.ts');
    return Promise.all(
      images.map(async (image, at) => {
        const layers = writeStatements(store, await attest(image, at));
        return writeAttestations(store, image.descriptor, layers, ociArtifact);
      }),
    );
  }

  async #platform({ config, layers }: BuiltPlatform, form: ImageForm): Promise<ImageParts> {
    const { store } = this.#options;
    const blobs = await Promise.all(layers.map((layer) => this.#layer(layer, form)));
    const written = await writeImage(store, {
      config,
      layers: blobs,
      ...annotated(form.annotations?.manifest),
    });
    const manifest = store.blobs.readJson<Manifest>(written.manifest.digest);
    return {
      descriptor: written.manifest,
      manifest,
      id: written.config.digest,
      config: store.blobs.readJson(written.config.digest),
    };
  }

  async #layer(layer: ExportLayer, { compression, forceCompression, rewriteTimestamp }: ImageForm) {
    const { epoch, setTime, store, fetchBlob } = this.#options;
    const times: LayerTimes | undefined =
      setTime !== undefined
        ? { setTime }
        : rewriteTimestamp === true && epoch !== undefined
          ? { clampTime: epoch }
          : undefined;
    const own = layer.repack !== undefined;
    const packed: LayerBlob = times !== undefined && own ? await layer.repack!(times) : await layer.blob();
    if (compression === undefined || (!own && forceCompression !== true)) return packed;
    const { recompress } = await import('./recompress.ts');
    return recompress(store, packed, compression, fetchBlob);
  }
}

function annotated(annotations: Record<string, string> | undefined) {
  return annotations === undefined || Object.keys(annotations).length === 0 ? {} : { annotations };
}
