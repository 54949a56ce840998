import { type Digest, digestOf } from '../../image/digest.ts';
import { formatPlatform } from '../../image/platform.ts';
import type { PlannedStage, RunStep } from '../../plan/plan.ts';
import type { LayerRecord } from '../../store/layers.ts';
import { stagesReadBy } from '../files-read.ts';
import type { SolvedLayer } from '../graph.ts';
import { failureOf, Halted, haltsAt } from '../halt.ts';
import { StoredLayer } from '../layers/stored.ts';
import type { Made, Making, Observations, Observed, Op, OpStage, SelectedFiles } from './op.ts';
import { runStep } from './run-command.ts';
import { RunMounts } from './run-mounts.ts';

/** RUN: observes the contents of the layers below, and runs the command in the worker. */
export class RunOp implements Op {
  readonly needs = 'directory';
  readonly readsBelow = true;
  readonly #mounts: RunMounts;

  constructor(
    private readonly step: RunStep,
    private readonly stage: OpStage,
  ) {
    this.#mounts = new RunMounts(stage.selecting, stage.graph, step);
  }

  stagesRead(): PlannedStage[] {
    return stagesReadBy(this.step);
  }

  async source(): Promise<Digest> {
    // A stage from scratch has the same definition for all platforms, but the result of a command differs.
    const platform = formatPlatform(this.stage.platform);
    return digestOf({ platform, mounts: await this.#mounts.definition() });
  }

  /** All observations: contents of layers are known without their files. */
  async glance(below: readonly SolvedLayer[]): Promise<Observations> {
    const mounts = await this.#mounts.observe();
    return {
      platform: formatPlatform(this.stage.platform),
      layers: below.filter((layer) => !layer.empty).map(({ content }) => content),
      ...(mounts.length === 0 ? {} : { mounts }),
    };
  }

  selected(): Promise<(SelectedFiles | undefined)[]> {
    return this.#mounts.selected();
  }

  async observe(below: readonly SolvedLayer[]): Promise<Observed> {
    return { observations: await this.glance(below) };
  }

  /** The layer in the record of the key. It may have another id than the key's, after --no-cache. */
  lookUp(key: Digest): LayerRecord | undefined {
    return this.stage.known.recorded(key);
  }

  make({ key, below, keep }: Making<Observed>): Promise<Made> {
    const { context, graph } = this.stage;
    return graph.once(key, async () => {
      const known = this.lookUp(key);
      if (known !== undefined) return { record: known, made: false };
      const failure = await failureOf(context, key);
      if (failure !== undefined) throw await Halted.at(context, this.step, this.#mounts, below, { failure });
      const { phases, platform } = this.stage;
      const others = { lookUp: () => this.lookUp(key), keep, phases, platform };
      return runStep(context, this.step, this.#mounts, key, below, others);
    });
  }

  layer(record: LayerRecord): SolvedLayer {
    return new StoredLayer(this.stage.context, record);
  }

  async haltAt(when: 'before' | 'after', layers: readonly SolvedLayer[]): Promise<void> {
    const { context } = this.stage;
    if (!haltsAt(context.halt, this.step, when)) return;
    throw await Halted.at(context, this.step, this.#mounts, layers, { isAfter: when === 'after' });
  }
}
