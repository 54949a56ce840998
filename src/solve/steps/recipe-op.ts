import type { Digest } from '../../image/digest.ts';
import type { RecipeEntry } from '../../layer/entry.ts';
import type { PlannedStage, Step } from '../../plan/plan.ts';
import { type LayerRecord, layerId, newLayerIdentity } from '../../store/layers.ts';
import { stagesReadBy } from '../files-read.ts';
import type { SolvedLayer } from '../graph.ts';
import { RecipeLayer } from '../layers/recipe.ts';
import type { Made, Making, Observations, Observed, Op, OpStage, SelectedFiles } from './op.ts';

export interface ListedLayer extends Observed {
  /** The layer's entries, each file with the source of its content. */
  entries: RecipeEntry[];
}

/** A step whose layer is a list of entries, made without a worker. The layer's id is that of its key. */
export abstract class RecipeOp<S extends Step> implements Op<ListedLayer> {
  readonly needs = 'index';

  constructor(
    protected readonly step: S,
    protected readonly stage: OpStage,
  ) {}

  abstract readonly readsBelow: boolean;
  abstract source(): Promise<Digest | undefined>;
  abstract glance(below: readonly SolvedLayer[]): Promise<Observations | undefined>;
  abstract selected(): Promise<(SelectedFiles | undefined)[]>;
  abstract observe(below: readonly SolvedLayer[]): Promise<ListedLayer>;

  stagesRead(): PlannedStage[] {
    return stagesReadBy(this.step);
  }

  lookUp(key: Digest): LayerRecord | undefined {
    return this.stage.known.layerRecord(layerId(key));
  }

  async make({ key, observed }: Making<ListedLayer>): Promise<Made> {
    const { context, graph, phases } = this.stage;
    let made = false;
    const record = await graph.once(key, async () => {
      const known = context.noCache ? undefined : this.lookUp(key);
      made = known === undefined;
      const identity = newLayerIdentity(context.store.layers, key, this.step.kind);
      return known ?? phases.during('run', async () => graph.install(identity, observed.entries));
    });
    return { record, made };
  }

  layer(
    record: LayerRecord,
    below: readonly SolvedLayer[],
    result?: { observed: ListedLayer; made: boolean },
  ): SolvedLayer {
    const under = [...below];
    const list = async () => (result?.observed ?? (await this.observe(under))).entries;
    return new RecipeLayer(this.stage.context, record, list, result?.made);
  }
}
