import type { Ground } from '../history/step-facts.ts';
import type { Digest } from '../image/digest.ts';
import type { RecipeEntry } from '../layer/entry.ts';
import type { LayerIndex } from '../layer/layer-index.ts';
import type { MergedTree } from '../layer/merged-tree.ts';
import type { BaseImage, PlannedStage } from '../plan/plan.ts';
import type { LayerIdentity } from '../protocol/exec-request.ts';
import type { LayerBlob, LayerRecord } from '../store/layers.ts';

/** A layer of a stage. Its missing forms are made on first use, once per build. */
export interface SolvedLayer {
  readonly id: string;
  /** Digest that a RUN on top observes. */
  readonly content: Digest;
  /** It has no changes. */
  readonly empty: boolean;
  /** RFC 3339; undefined for layers of a base image, whose times are in its history. */
  readonly created?: string;
  /** Its entries. */
  index(): Promise<LayerIndex>;
  /** Its entries with the sources of the files' content; undefined if that is in the layer's own directory. */
  recipe(): Promise<LayerIndex | undefined>;
  /** Makes the directory form. */
  directory(): Promise<void>;
  /** Fetches a form, for layers of base images and caches. */
  fetched?(form: 'index' | 'directory'): Promise<void>;
  /** Makes the packed form. */
  blob(): Promise<LayerBlob>;
  /** Packs the layer with other times. Absent for layers of base images. */
  repack?(times: { clampTime?: number; setTime?: number }): Promise<LayerBlob>;
}

/** `unknown`: records are missing. `outdated`: the recorded results were made on other layers. */
export type Unsolved = 'unknown' | 'outdated';

/** A stage, for steps of other stages. */
export interface SolvedStage {
  /** Definition digest of the whole stage. */
  definition(): Promise<Digest>;
  /** Its last step, or its base, as records refer to it. */
  ground(): Promise<Ground>;
  /** All its layers, including those of its base, lowest first. Solves the stage. */
  layers(): Promise<SolvedLayer[]>;
  /** Content digests of its layers, without solving the stage. */
  contents(): Promise<readonly Digest[] | Unsolved>;
  /** Whether all layers are known, so that `layers()` executes no step. */
  isKnown(): Promise<boolean>;
}

/** The graph of stages, layers and keys of one build. */
export interface StepGraph {
  stage(stage: PlannedStage): SolvedStage;
  /** The layers of a base image: the same objects for all stages that use it. */
  imageLayers(image: BaseImage): SolvedLayer[];
  /** Registers a layer as a source of files for recipes. */
  remember(layer: SolvedLayer): void;
  /** Runs the work of a key once, even if two stages need it at the same time. */
  once<T>(key: Digest, work: () => Promise<T>): Promise<T>;
  /** Fails the whole build at once, without waiting for other stages. */
  fail(error: unknown): void;
  /** The merged tree of a stack of layers. */
  tree(layers: readonly SolvedLayer[]): Promise<MergedTree>;
  /** Stores a layer that consists of entries only. */
  install(identity: LayerIdentity, entries: readonly RecipeEntry[]): LayerRecord;
}
