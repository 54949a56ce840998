import type { CachedStep } from '../cache/cache-manifest.ts';
import type { Digest } from '../image/digest.ts';
import type { LayerRecord } from '../store/layers.ts';
import { SharedLayer } from './layers/shared.ts';
import type { SolveContext } from './solve-context.ts';

/** The layers that earlier builds, here and on other machines, made of the steps of one stage. */
export class KnownLayers {
  /** By definition or key: layers are asked for more than once. */
  readonly #found = new Map<Digest, LayerRecord>();
  readonly #inputs = new Map<Digest, Digest>();
  /** Layers of other machines that the stage uses. */
  readonly shared: SharedLayer[] = [];

  constructor(
    private readonly context: SolveContext,
    /** The stage reads others that are made anew: definitions say nothing of their contents. */
    private readonly isRebuilt: boolean,
  ) {}

  /** The layer that a definition stands for. */
  defined(definition: Digest): LayerRecord | undefined {
    return this.isRebuilt ? undefined : this.recorded(definition);
  }

  /** The layer of a definition or a key, if the store still has it. */
  recorded(digest: Digest): LayerRecord | undefined {
    if (this.context.noCache) return undefined;
    const known = this.#found.get(digest);
    if (known !== undefined) return known;
    const record = this.context.store.records.use(digest);
    const own = record === undefined ? undefined : this.#ownLayer(record.layer);
    if (own !== undefined) this.#inputs.set(digest, record!.inputs);
    const layer = own ?? this.context.shared?.step(digest)?.layer;
    if (layer !== undefined) this.#found.set(digest, layer);
    return layer;
  }

  /** Digest of the inputs that a recorded layer of this store was made from. */
  inputsOf(definition: Digest): Digest | undefined {
    return this.#inputs.get(definition);
  }

  layerRecord(id: string): LayerRecord | undefined {
    return this.#ownLayer(id) ?? this.context.shared?.layer(id)?.layer;
  }

  /** A layer of the store. The result of a command counts only where this build can read it, in whatever form. */
  #ownLayer(id: string): LayerRecord | undefined {
    const record = this.context.store.layers.record(id);
    return record?.kind === 'run' && !this.#hasFiles(id) ? undefined : record;
  }

  #hasFiles(id: string): boolean {
    const { layers } = this.context.store;
    return layers.directories(id, this.context.forms()).length > 0 || layers.blob(id) !== undefined;
  }

  /** The layer of a step of another machine, of which the store has no form. */
  elsewhere(id: string): CachedStep | undefined {
    return this.context.noCache || this.#hasFiles(id) ? undefined : this.context.shared?.layer(id);
  }

  /** A layer of which another machine has what the store lacks. */
  sharedLayer({ id }: LayerRecord): SharedLayer | undefined {
    const cached = this.elsewhere(id);
    if (cached === undefined) return undefined;
    const layer = new SharedLayer(this.context, this.context.shared!, cached);
    this.shared.push(layer);
    return layer;
  }
}
