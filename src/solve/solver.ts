import type { SharedStep } from '../cache/export-cache.ts';
import type { JettisonError } from '../errors/error.ts';
import type { Digest } from '../image/digest.ts';
import type { Descriptor } from '../image/types.ts';
import type { RecipeEntry } from '../layer/entry.ts';
import { LayerIndex } from '../layer/layer-index.ts';
import { MergedTree } from '../layer/merged-tree.ts';
import { below } from '../layer/tree.ts';
import type { BaseImage, Plan, PlannedStage } from '../plan/plan.ts';
import type { LayerIdentity } from '../protocol/exec-request.ts';
import { installLayer, type LayerRecord, layerRecord } from '../store/layers.ts';
import { imagesReadBy } from './base-fetches.ts';
import { filesReadBy } from './files-read.ts';
import type { SolvedLayer, StepGraph } from './graph.ts';
import { imageLayers } from './layers/image.ts';
import { despiteLosses } from './lost-layers.ts';
import type { SolveContext } from './solve-context.ts';
import { StageSolver } from './stage.ts';

/** Solves the graph of steps of one build: every stage and every key once, independent stages concurrently. */
export class Solver implements StepGraph {
  readonly #context: SolveContext;
  readonly #stages = new Map<PlannedStage, StageSolver>();
  readonly #images = new Map<Digest, SolvedLayer[]>();
  readonly #known = new Map<string, SolvedLayer>();
  readonly #running = new Map<Digest, Promise<unknown>>();

  /** Stages in which a layer of a cache was lost. */
  readonly #remade = new Set<PlannedStage>();

  #reject: (error: unknown) => void = () => {};
  #failure = this.#newFailure();

  constructor(
    context: Omit<SolveContext, 'resolveSources'>,
    private readonly plan: Plan,
  ) {
    this.#context = { ...context, resolveSources: (entries) => this.#resolveSources(entries) };
  }

  /**
   * Solves the target and the stages that it needs.
   *
   * @returns the layers of its image, lowest first
   */
  async solve(): Promise<SolvedLayer[]> {
    const layers = await this.#solvedStage(this.plan.target);
    for (const stage of this.plan.stages) await this.stage(stage).reportUnneeded();
    for (const image of imagesReadBy(this.plan)) await this.#context.baseFetch(image).settle();
    return layers;
  }

  /** Solves one stage, even if all results that depend on it are known: for a step at which the build stops. */
  async solveStage(stage: PlannedStage): Promise<void> {
    await this.#solvedStage(stage);
  }

  #solvedStage(stage: PlannedStage): Promise<SolvedLayer[]> {
    return despiteLosses([this], this.#context.signal, () =>
      Promise.race([this.stage(stage).layers(), this.#failure]),
    );
  }

  /**
   * Forgets the stages with a lost layer of a cache, and those that read them, so that they are solved again.
   *
   * @returns whether there are such stages
   */
  async forgetLost(error: JettisonError): Promise<boolean> {
    const lost = [...this.#stages].flatMap(([stage, solver]) => (solver.hasLost ? [stage] : []));
    if (lost.length === 0) return false;
    for (const stage of lost) this.#remade.add(stage);
    const affected = [...this.#stages].filter(([stage]) => reads(stage, (one) => this.#remade.has(one)));
    // Running commands finish, and their results are kept.
    await Promise.all(affected.map(([, solver]) => solver.retire(error)));
    for (const [stage] of affected) this.#stages.delete(stage);
    this.#running.clear();
    this.#failure = this.#newFailure();
    return true;
  }

  /** Waits for work on a blob of the image. If the blob cannot be fetched from its cache, its layer is lost. */
  async withBlob<T>(blob: Descriptor, work: Promise<T>): Promise<T> {
    for (const { shared } of this.#stages.values()) {
      const layer = shared.find((one) => one.holds(blob));
      if (layer !== undefined) return layer.orLost(work);
    }
    return work;
  }

  #newFailure(): Promise<never> {
    const failure = new Promise<never>((_, reject) => {
      this.#reject = reject;
    });
    failure.catch(() => {});
    return failure;
  }

  /** All entries of an image with these layers, in canonical order, each file with the source of its content. */
  async files(layers: readonly SolvedLayer[]): Promise<RecipeEntry[]> {
    const tree = await this.tree(layers);
    const entries: RecipeEntry[] = [];
    const links = new Map<string, string>();
    for (const { inode, ...entry } of below(tree, '')) {
      const first = inode === undefined ? undefined : links.get(inode);
      if (first !== undefined) {
        const { source: _, ...rest } = entry;
        entries.push({ ...rest, type: 'hardlink', link: first });
      } else {
        if (inode !== undefined) links.set(inode, entry.path);
        entries.push(entry);
      }
    }
    return this.#resolveSources(entries);
  }

  /**
   * The steps of the build, for other machines.
   *
   * @param mode `min`: only those whose layers are in the image
   */
  async shareable(mode: 'min' | 'max'): Promise<SharedStep[]> {
    const lineage: PlannedStage[] = [this.plan.target];
    for (let { base } = this.plan.target; base.kind === 'stage'; base = base.stage.base)
      lineage.push(base.stage);
    const steps = new Map<Digest, SharedStep>();
    for (const stage of mode === 'max' ? this.plan.stages : lineage) {
      for (const one of await this.stage(stage).shareable()) steps.set(one.step.definition, one);
    }
    return [...steps.values()];
  }

  /** The definitions that are known so far, by the ids of steps. */
  definitions(): Map<string, Digest> {
    return new Map([...this.#stages.values()].flatMap(({ definitions }) => [...definitions]));
  }

  stage(stage: PlannedStage): StageSolver {
    let solver = this.#stages.get(stage);
    if (solver === undefined) {
      const context = this.#context.noCacheStages.has(stage.name)
        ? { ...this.#context, noCache: true }
        : this.#context;
      solver = new StageSolver(context, this, stage, this.#isRebuilt(stage));
      this.#stages.set(stage, solver);
    }
    return solver;
  }

  /** Whether a stage, or one that it reads, is rebuilt, so that its definition does not determine its content. */
  #isRebuilt(stage: PlannedStage): boolean {
    const { noCacheStages } = this.#context;
    if (noCacheStages.size === 0 && this.#remade.size === 0) return false;
    return reads(stage, (one) => noCacheStages.has(one.name) || this.#remade.has(one));
  }

  /** The layers of a base image: the same objects for all stages that use it. */
  imageLayers(image: BaseImage): SolvedLayer[] {
    let layers = this.#images.get(image.digest);
    if (layers === undefined) {
      layers = imageLayers(this.#context, image);
      for (const layer of layers) this.remember(layer);
      this.#images.set(image.digest, layers);
    }
    return [...layers];
  }

  fail(error: unknown): void {
    this.#reject(error);
  }

  remember(layer: SolvedLayer): void {
    this.#known.set(layer.id, layer);
  }

  /** Runs the work of a key once, even if two stages need it at the same time. */
  once<T>(key: Digest, work: () => Promise<T>): Promise<T> {
    let running = this.#running.get(key) as Promise<T> | undefined;
    if (running === undefined) {
      running = work();
      this.#running.set(key, running);
    }
    return running;
  }

  /** The merged tree of a stack of layers. */
  async tree(layers: readonly SolvedLayer[]): Promise<MergedTree> {
    const indexes = await Promise.all(layers.map((layer) => layer.index()));
    return new MergedTree(layers.map(({ id }, i) => ({ id, index: indexes[i]! })));
  }

  /** Stores a layer that consists of entries only. */
  install(identity: LayerIdentity, entries: readonly RecipeEntry[]): LayerRecord {
    const index = LayerIndex.of(entries.map(({ source: _, ...entry }) => entry));
    const record = layerRecord(identity, index);
    return installLayer(this.#context.store.layout, { record, index: index.bytes });
  }

  async #resolveSources(entries: Iterable<RecipeEntry>): Promise<RecipeEntry[]> {
    const recipes = new Map<string, LayerIndex | undefined>();
    const resolved: RecipeEntry[] = [];
    for (const entry of entries) {
      const { source } = entry;
      if (source?.kind !== 'layer') {
        resolved.push(entry);
        continue;
      }
      if (!recipes.has(source.layer)) {
        const layer = this.#known.get(source.layer);
        const recipe = await layer?.recipe();
        if (recipe === undefined) await layer?.directory();
        recipes.set(source.layer, recipe);
      }
      const origin = recipes.get(source.layer)?.get(source.path);
      resolved.push(origin?.source === undefined ? entry : { ...entry, source: origin.source });
    }
    return resolved;
  }
}

/** Whether a condition holds for a stage, or for one that it is built on or reads, directly or indirectly. */
function reads(stage: PlannedStage, holds: (stage: PlannedStage) => boolean): boolean {
  const seen = new Set([stage]);
  // The iteration includes stages that are added during it.
  for (const one of seen) {
    if (holds(one)) return true;
    if (one.base.kind === 'stage') seen.add(one.base.stage);
    for (const from of one.steps.flatMap(filesReadBy)) if (from.kind === 'stage') seen.add(from.stage);
  }
  return false;
}
