import type { CachedStep } from '../../cache/cache-manifest.ts';
import type { SharedCache } from '../../cache/shared-cache.ts';
import { JettisonError } from '../../errors/error.ts';
import type { Descriptor } from '../../image/types.ts';
import type { LayerIndex } from '../../layer/layer-index.ts';
import type { LayerBlob } from '../../store/layers.ts';
import { isLost, lostLayer } from '../lost-layers.ts';
import type { SolveContext } from '../solve-context.ts';
import { RecordedLayer } from './recorded.ts';
import { restoreDirectory } from './stored.ts';

/** A layer in another machine's cache. Its forms are fetched on demand. */
export class SharedLayer extends RecordedLayer {
  #looking?: Promise<LayerIndex>;

  constructor(
    context: SolveContext,
    private readonly cache: SharedCache,
    private readonly cached: CachedStep,
  ) {
    super(context, cached.layer);
  }

  /** Whether the cache has lost it. */
  get isLost(): boolean {
    return this.cache.isLost(this.cached);
  }

  /** Whether a blob is its packed form. */
  holds({ digest }: Descriptor): boolean {
    return this.cached.packed.blob.digest === digest;
  }

  override index(): Promise<LayerIndex> {
    this.#looking ??= this.#look();
    return this.#looking;
  }

  protected override async pack(): Promise<LayerBlob> {
    await this.orLost(this.cache.claim(this.cached));
    return this.cached.packed;
  }

  override async repack(times: { clampTime?: number; setTime?: number }): Promise<LayerBlob> {
    await this.directory();
    return super.repack(times);
  }

  async fetched(form: 'index' | 'directory'): Promise<void> {
    await (form === 'index' ? this.index() : this.directory());
  }

  async #look(): Promise<LayerIndex> {
    const { layers } = this.context.store;
    if (layers.record(this.id) === undefined) {
      const index = await this.orLost(this.cache.index(this.cached));
      if (index !== undefined) return index;
      await this.directory();
    }
    return layers.index(this.id);
  }

  protected makeDirectory(): Promise<void> {
    return restoreDirectory(this.context, this.record, (unpack) =>
      this.orLost(
        (async () => {
          await this.cache.fetch(this.cached);
          await unpack(this.cached.packed);
          return true;
        })(),
      ),
    );
  }

  /**
   * Waits for a part of the layer from the cache. If it cannot be fetched, the layer is lost.
   *
   * @throws JettisonError `LAYER_LOST`
   */
  async orLost<T>(fetching: Promise<T>): Promise<T> {
    try {
      return await fetching;
    } catch (error) {
      if (!(error instanceof JettisonError) || this.context.signal.aborted) throw error;
      if (this.cache.lose(this.cached)) {
        this.context.emit({
          type: 'warning',
          code: 'CACHE_LAYER_LOST',
          message: `A layer of a cache cannot be fetched, and its step is carried out again: ${error.message}`,
        });
      }
      throw isLost(error) ? error : lostLayer(error);
    }
  }
}
