import type { Ground } from '../history/step-facts.ts';
import type { Digest } from '../image/digest.ts';
import type { RecipeEntry } from '../layer/entry.ts';
import type { LayerIndex } from '../layer/layer-index.ts';
import type { MergedTree } from '../layer/merged-tree.ts';
import type { BaseImage, PlannedStage } from '../plan/plan.ts';
import type { LayerIdentity } from '../protocol/exec-request.ts';
import type { LayerBlob, LayerRecord } from '../store/layers.ts';

/** A layer of a stage, in whatever forms exist; others are made on first demand, once a build. */
export interface SolvedLayer {
  readonly id: string;
  /** Digest that a RUN on top observes. */
  readonly content: Digest;
  /** It changes nothing. */
  readonly empty: boolean;
  /** RFC 3339; undefined for a base image's layers, whose history says it. */
  readonly created?: string;
  /** Its entries. */
  index(): Promise<LayerIndex>;
  /** Its entries with the places of its files' bytes, as long as those are not in its own directory. */
  recipe(): Promise<LayerIndex | undefined>;
  /** Makes the directory form. */
  directory(): Promise<void>;
  /** Of a base image: fetches that form, as part of the image's step. */
  fetched?(form: 'index' | 'directory'): Promise<void>;
  /** Makes the packed form. */
  blob(): Promise<LayerBlob>;
  /** Packs the layer with other times. A base image's layers cannot: they stay what they are. */
  repack?(times: { clampTime?: number; setTime?: number }): Promise<LayerBlob>;
}

/** `unknown`: not all of it is there any more. `outdated`: what is there does not stand on what is below it now. */
export type Unsolved = 'unknown' | 'outdated';

/** A stage as the steps of others see it. */
export interface SolvedStage {
  /** Definition digest of the whole stage. */
  definition(): Promise<Digest>;
  /** Its last step, or what it stands on, as others name it in records. */
  ground(): Promise<Ground>;
  /** All its layers, the base's included, lowest first. Builds the stage. */
  layers(): Promise<SolvedLayer[]>;
  /** Digests of their contents, without solving anything. */
  contents(): Promise<readonly Digest[] | Unsolved>;
  /** Whether all layers are there, so that `layers()` takes no work. */
  isKnown(): Promise<boolean>;
}

/** The graph that a step belongs to: everything of one build is in it once. */
export interface StepGraph {
  stage(stage: PlannedStage): SolvedStage;
  /** The layers of a base image: the same objects for all stages that use it. */
  imageLayers(image: BaseImage): SolvedLayer[];
  /** Registers a layer as a source of files for recipes. */
  remember(layer: SolvedLayer): void;
  /** Does the work of a key once, even when two stages come to it at the same time. */
  once<T>(key: Digest, work: () => Promise<T>): Promise<T>;
  /** Fails the whole build at once: the other stages need not go on. */
  fail(error: unknown): void;
  /** The merged tree of a stack of layers. */
  tree(layers: readonly SolvedLayer[]): Promise<MergedTree>;
  /** Stores a layer that consists of entries only. */
  install(identity: LayerIdentity, entries: readonly RecipeEntry[]): LayerRecord;
}
