import type { OnProgress } from '../../events/transfer.ts';
import type { FileList } from '../../history/file-list.ts';
import type { Digest } from '../../image/digest.ts';
import type { Platform } from '../../image/types.ts';
import type { PlannedStage } from '../../plan/plan.ts';
import type { LayerRecord } from '../../store/layers.ts';
import type { SolvedLayer, StepGraph } from '../graph.ts';
import type { KnownLayers } from '../known-layers.ts';
import type { SolveContext } from '../solve-context.ts';
import type { StepPhases } from '../step-phases.ts';

/** The facts that a step has read of its inputs. With its instruction they make its key. */
export type Observations = Record<string, unknown>;

export interface Observed {
  observations: Observations;
}

/** Files that an operation has selected. */
export interface SelectedFiles {
  digest: Digest;
  list: () => FileList;
}

/** The inputs of `Op.make`. */
export interface Making<Seen extends Observed> {
  key: Digest;
  below: readonly SolvedLayer[];
  observed: Seen;
  /** Records the layer under its key, before waiting builds with the same key continue. */
  keep: (record: LayerRecord) => Promise<void>;
}

/** `made`: whether this build made the layer; else another one did in the meantime. */
export interface Made {
  record: LayerRecord;
  made: boolean;
}

/** The implementation of a step. One file per kind; `ops.ts` lists them. */
export interface Op<Seen extends Observed = Observed> {
  /** The form of base images' layers that its execution needs. */
  readonly needs: 'index' | 'directory';
  /** Whether it reads the layers below. */
  readonly readsBelow: boolean;
  /** The stages that it reads files from, besides the one below it. */
  stagesRead(): PlannedStage[];
  /** For its definition: a digest of its sources; undefined without any. */
  source(): Promise<Digest | undefined>;
  /** The observations, if they are known without listing files. */
  glance(below: readonly SolvedLayer[]): Promise<Observations | undefined>;
  /** The layer of an earlier build with this key. */
  lookUp(key: Digest): LayerRecord | undefined;
  observe(below: readonly SolvedLayer[]): Promise<Seen>;
  /** The selected files of each source, undefined if not listed: for the record of the build. */
  selected(): Promise<(SelectedFiles | undefined)[]>;
  /** Executes the step, once per build. */
  make(making: Making<Seen>): Promise<Made>;
  /** The layer of a record. @param result of `make`, with what was observed for it */
  layer(
    record: LayerRecord,
    below: readonly SolvedLayer[],
    result?: { observed: Seen; made: boolean },
  ): SolvedLayer;
  /** @throws Halted if the build stops directly before or after it */
  haltAt?(when: 'before' | 'after', layers: readonly SolvedLayer[]): Promise<void>;
}

/** The stage of an op. */
export interface OpStage {
  context: SolveContext;
  /** The context for selections: without results of earlier builds if the stage is rebuilt. */
  selecting: SolveContext;
  graph: StepGraph;
  known: KnownLayers;
  platform: Platform;
  /** Measures the step's phases. */
  phases: StepPhases;
  /** Called with the progress of the step's transfers. */
  onTransfer: OnProgress;
}
