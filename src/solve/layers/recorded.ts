import type { Digest } from '../../image/digest.ts';
import type { LayerIndex } from '../../layer/layer-index.ts';
import type { LayerBlob, LayerRecord } from '../../store/layers.ts';
import type { SolvedLayer } from '../graph.ts';
import type { SolveContext } from '../solve-context.ts';

/** A layer of a step, with a record. Each form is made once per build. Packing is reported. */
export abstract class RecordedLayer implements SolvedLayer {
  #packing?: Promise<LayerBlob>;
  #making?: Promise<void>;

  constructor(
    protected readonly context: SolveContext,
    protected readonly record: LayerRecord,
  ) {}

  get id(): string {
    return this.record.id;
  }
  get content(): Digest {
    return this.record.content;
  }
  get empty(): boolean {
    return this.record.entries === 0;
  }
  get created(): string {
    return this.record.created;
  }

  async index(): Promise<LayerIndex> {
    return this.context.store.layers.index(this.id);
  }

  async recipe(): Promise<LayerIndex | undefined> {
    return undefined;
  }

  directory(): Promise<void> {
    this.#making ??= this.makeDirectory();
    return this.#making;
  }

  protected abstract makeDirectory(): Promise<void>;

  blob(): Promise<LayerBlob> {
    this.#packing ??= this.pack();
    return this.#packing;
  }

  async repack(times: { clampTime?: number; setTime?: number }): Promise<LayerBlob> {
    const { conversions } = this.context.store;
    const key = { layer: this.id, ...times };
    const known = conversions.get(key);
    if (known !== undefined) return known;
    const packed = await this.#reporting(() => this.packWith(times));
    conversions.put(key, packed);
    return packed;
  }

  protected async pack(): Promise<LayerBlob> {
    return this.context.store.layers.blob(this.id) ?? this.#reporting(() => this.packWith({}));
  }

  protected async packWith(form: {
    recipe?: string;
    clampTime?: number;
    setTime?: number;
  }): Promise<LayerBlob> {
    const worker = await this.context.worker();
    return worker.pack({ layer: this.id, ...form });
  }

  async #reporting(pack: () => Promise<LayerBlob>): Promise<LayerBlob> {
    const started = Date.now();
    const packed = await pack();
    this.context.emit({
      type: 'export.layer',
      diffId: packed.diffId,
      layer: this.id,
      blob: packed.blob.digest,
      size: packed.blob.size,
      durationMs: Date.now() - started,
      reused: false,
    });
    return packed;
  }
}
