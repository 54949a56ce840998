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

/** Answers that a step got about its inputs. With its instruction they are its key. */
export type Observations = Record<string, unknown>;

export interface Observed {
  observations: Observations;
}

/** Files that an operation has selected. */
export interface SelectedFiles {
  digest: Digest;
  list: () => FileList;
}

/** What an operation makes its layer from. */
export interface Making<Seen extends Observed> {
  key: Digest;
  below: readonly SolvedLayer[];
  observed: Seen;
  /** Records the layer under its key before others who want the same key get their turn. */
  keep: (record: LayerRecord) => Promise<void>;
}

/** `made`: here and now; else the layer of someone who made it in the meantime. */
export interface Made {
  record: LayerRecord;
  made: boolean;
}

/** A step as its stage solves it. One file a kind; `ops.ts` lists them. */
export interface Op<Seen extends Observed = Observed> {
  /** In which form the layers of base images have to be here before it is carried out. */
  readonly needs: 'index' | 'directory';
  /** Whether it looks at the layers below. */
  readonly readsBelow: boolean;
  /** The stages that it reads files of, apart from the one that it stands on. */
  stagesRead(): PlannedStage[];
  /** For its definition: a digest of its sources; undefined without any. */
  source(): Promise<Digest | undefined>;
  /** The observations, if no files have to be listed for them. */
  glance(below: readonly SolvedLayer[]): Promise<Observations | undefined>;
  /** The layer of an earlier build that has some key. */
  lookUp(key: Digest): LayerRecord | undefined;
  observe(below: readonly SolvedLayer[]): Promise<Seen>;
  /** The files that it selects, place by place, as far as they have been listed: for the builds on record. */
  selected(): Promise<(SelectedFiles | undefined)[]>;
  /** Carries the step out, once a build. */
  make(making: Making<Seen>): Promise<Made>;
  /** The layer of a record. @param result of `make`, with what was observed for it */
  layer(
    record: LayerRecord,
    below: readonly SolvedLayer[],
    result?: { observed: Seen; made: boolean },
  ): SolvedLayer;
  /** @throws Halted when the build is to stop right before or after it */
  haltAt?(when: 'before' | 'after', layers: readonly SolvedLayer[]): Promise<void>;
}

/** What an operation knows of its stage. */
export interface OpStage {
  context: SolveContext;
  /** The same, but without what earlier builds selected where the stage reads others that are made anew. */
  selecting: SolveContext;
  graph: StepGraph;
  known: KnownLayers;
  platform: Platform;
  /** Measures the step's phases. */
  phases: StepPhases;
  /** Is told what the step fetches. */
  onTransfer: OnProgress;
}
