import type { CachedStep } from '../cache/cache-manifest.ts';
import type { Digest } from '../image/digest.ts';
import type { LayerRecord } from '../store/layers.ts';
import { SharedLayer } from './layers/shared.ts';
import type { SolveContext } from './solve-context.ts';

/** The layers that earlier builds, also on other machines, have made for the steps of one stage. */
export class KnownLayers {
  /** By definition or key, since layers are looked up more than once. */
  readonly #found = new Map<Digest, LayerRecord>();
  readonly #inputs = new Map<Digest, Digest>();
  /** Layers of other machines that the stage uses. */
  readonly shared: SharedLayer[] = [];

  constructor(
    private readonly context: SolveContext,
    /** The stage, or one that it reads, is rebuilt, so definitions do not determine contents. */
    private readonly isRebuilt: boolean,
  ) {}

  /** The layer of a definition; undefined in a rebuilt stage. */
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

  /** A layer of the store. The layer of a RUN must have a form that this build can read. */
  #ownLayer(id: string): LayerRecord | undefined {
    const record = this.context.store.layers.record(id);
    return record?.kind === 'run' && !this.#hasFiles(id) ? undefined : record;
  }

  #hasFiles(id: string): boolean {
    const { layers } = this.context.store;
    return layers.directories(id, this.context.forms()).length > 0 || layers.blob(id) !== undefined;
  }

  /** The step of another machine whose layer has no form in the store. */
  elsewhere(id: string): CachedStep | undefined {
    return this.context.noCache || this.#hasFiles(id) ? undefined : this.context.shared?.layer(id);
  }

  /** The layer of a record, if only another machine's cache has its forms. */
  sharedLayer({ id }: LayerRecord): SharedLayer | undefined {
    const cached = this.elsewhere(id);
    if (cached === undefined) return undefined;
    const layer = new SharedLayer(this.context, this.context.shared!, cached);
    this.shared.push(layer);
    return layer;
  }
}
