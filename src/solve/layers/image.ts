import { JettisonError } from '../../errors/error.ts';
import type { Digest } from '../../image/digest.ts';
import type { Descriptor } from '../../image/types.ts';
import type { LayerIndex } from '../../layer/layer-index.ts';
import type { BaseImage } from '../../plan/plan.ts';
import { type LayerBlob, layerId } from '../../store/layers.ts';
import type { BaseFetch } from '../base-fetches.ts';
import type { SolvedLayer } from '../graph.ts';
import type { SolveContext } from '../solve-context.ts';
import { dropDamaged } from './damage.ts';

/** The layers of a base image, not yet fetched. */
export function imageLayers(context: SolveContext, image: BaseImage): SolvedLayer[] {
  return image.layers.map((layer) => new ImageLayer(context, layer, context.baseFetch(image)));
}

/** A layer of a base image: a blob, fetched and unpacked only on demand. */
class ImageLayer implements SolvedLayer {
  readonly id: string;
  #unpacked?: Promise<void>;
  #looked?: Promise<LayerIndex>;
  readonly empty = false;

  constructor(
    private readonly context: SolveContext,
    private readonly packed: LayerBlob,
    private readonly fetch: BaseFetch,
  ) {
    this.id = layerId(packed.diffId);
  }

  get content(): Digest {
    return this.packed.diffId;
  }

  index(): Promise<LayerIndex> {
    this.#looked ??= this.#look();
    return this.#looked;
  }

  directory(): Promise<void> {
    this.#unpacked ??= this.#unpack(true);
    return this.#unpacked;
  }

  async fetched(form: 'index' | 'directory'): Promise<void> {
    await (form === 'index' ? this.index() : this.directory());
  }

  async recipe(): Promise<LayerIndex | undefined> {
    return undefined;
  }

  async blob(): Promise<LayerBlob> {
    return this.packed;
  }

  async #look(): Promise<LayerIndex> {
    const { layers } = this.context.store;
    if (layers.record(this.id) === undefined) {
      // The directory is made in the same pass, since a RUN usually follows.
      await this.directory();
    }
    return layers.index(this.id);
  }

  async #unpack(directory: boolean): Promise<void> {
    const { store } = this.context;
    const worker = await this.context.worker();
    await dropDamaged(this.context, this.id);
    if (store.layers.hasDirectory(this.id, worker.forms[0])) return;
    await this.fetch.during(async (report) => {
      const { digest: item, size } = this.packed.blob;
      await this.context.fetchBlob(this.packed.blob);
      report({ item, size, state: 'unpacking', moved: size });
      await this.#unpackVerified(directory);
      report({ item, size, state: 'done', moved: size });
    });
  }

  /** Unpacks the blob. If it is damaged in the store, it is fetched again, once. */
  async #unpackVerified(directory: boolean): Promise<void> {
    const { store } = this.context;
    const { blob } = this.packed;
    try {
      await this.#unpackBlob(directory);
    } catch (error) {
      if (!(error instanceof JettisonError) || !(await store.blobs.discardDamaged(blob.digest))) throw error;
      await this.#fetchAgain(blob);
      await this.#unpackBlob(directory);
    }
  }

  async #fetchAgain(blob: Descriptor): Promise<void> {
    try {
      await this.context.fetchBlob(blob);
    } catch (error) {
      if (!(error instanceof JettisonError)) throw error;
      throw new JettisonError(
        'BLOB_DAMAGED',
        `the store had a damaged layer of the base image (${blob.digest}), and it cannot be fetched again: ${error.message}`,
        { hint: 'Pull, load or build the base image again.', cause: error },
      );
    }
  }

  async #unpackBlob(directory: boolean): Promise<void> {
    const { store } = this.context;
    const { diffId, blob } = this.packed;
    const worker = await this.context.worker();
    await worker.unpack({
      layer: { id: this.id, key: diffId, kind: 'image' },
      path: store.blobs.path(blob.digest),
      expect: { digest: blob.digest, diffId },
      whiteouts: true,
      directory,
    });
  }
}
