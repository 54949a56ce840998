import type { CachedStep } from '../cache/cache-manifest.ts';
import type { SharedStep } from '../cache/export-cache.ts';
import type { JettisonError } from '../errors/error.ts';
import { located, placed } from '../errors/locate.ts';
import { fromSystemError } from '../errors/system.ts';
import type { StepOutcome } from '../events/event.ts';
import { type OnProgress, sparing } from '../events/transfer.ts';
import { type Digest, digestOf } from '../image/digest.ts';
import { formatPlatform } from '../image/platform.ts';
import type { Descriptor } from '../image/types.ts';
import type { BaseImage, CopyStep, PlannedStage, RunStep, Step, WorkdirStep } from '../plan/plan.ts';
import { type LayerRecord, layerId, newLayerIdentity } from '../store/layers.ts';
import { readBy } from './base-fetches.ts';
import type { SolvedLayer, SolvedStage, StepGraph, Unsolved } from './graph.ts';
import { failureOf, Halted, haltsAt } from './halt.ts';
import { baseDefinition, instructionOf, stepDefinition, stepKey } from './keys.ts';
import { SharedLayer } from './layers/shared-layer.ts';
import { ImageLayer, RecipeLayer, RunLayer } from './layers/solved-layer.ts';
import { isLost } from './lost-layers.ts';
import type { SolveContext } from './solve-context.ts';
import { CopySolver } from './steps/copy.ts';
import { runObservations, runStep } from './steps/run.ts';
import { RunMounts } from './steps/run-mounts.ts';
import { observeWorkdir } from './steps/workdir.ts';

/** A step as its stage has to solve it: what it is, and the digest of that with everything below. */
interface Definition {
  instruction: Record<string, unknown>;
  digest: Digest;
}

/** Solves one stage: looks its steps up by definition, then by what they observe, then carries them out. */
export class StageSolver implements SolvedStage {
  private defining?: Promise<Definition[]>;
  private solving?: Promise<SolvedLayer[]>;
  private readonly copies = new Map<string, CopySolver>();
  private readonly mounts = new Map<string, RunMounts>();
  /** Layers that records led to: they are asked for more than once. */
  private readonly found = new Map<Digest, LayerRecord>();
  /** What the steps of such layers had read. */
  private readonly inputs = new Map<Digest, Digest>();
  private looking?: Promise<readonly Digest[] | Unsolved>;
  /** Layers of other machines that its steps have. */
  readonly shared: SharedLayer[] = [];
  private retired?: JettisonError;
  /** Steps whose outcome has been reported. */
  private readonly reported = new Set<string>();
  /** When steps began (milliseconds since 1970): what they wait for before is not their own time. */
  private readonly begun = new Map<string, number>();

  constructor(
    private readonly context: SolveContext,
    private readonly graph: StepGraph,
    readonly stage: PlannedStage,
    /** It reads what is made anew: its steps are found by what they observe only. */
    private readonly isRebuilt: boolean,
  ) {}

  /** Definition digest of the whole stage. */
  async definition(): Promise<Digest> {
    const definitions = await this.definitions();
    return definitions.at(-1)?.digest ?? (await this.base());
  }

  /** All layers of the stage, the base's included, lowest first. */
  layers(): Promise<SolvedLayer[]> {
    this.solving ??= this.solve();
    return this.solving;
  }

  /** Whether one of them cannot be had after all. */
  get hasLost(): boolean {
    return this.shared.some(({ isLost }) => isLost);
  }

  /** Has it stop before its next step, and waits for that: another one takes its place. */
  async retire(reason: JettisonError): Promise<void> {
    this.retired = reason;
    await this.solving?.catch(() => {});
  }

  /** Digests of the contents of all its layers: of those that are solved by now, else of what the records say. */
  async contents(): Promise<readonly Digest[] | Unsolved> {
    if (this.solving !== undefined) return contentsOf(await this.solving);
    this.looking ??= this.lookUpContents();
    return this.looking;
  }

  private async lookUpContents(): Promise<readonly Digest[] | Unsolved> {
    const { base, steps } = this.stage;
    const definitions = await this.definitions();
    const below =
      base.kind === 'stage'
        ? await this.graph.stage(base.stage).contents()
        : contentsOf(await this.baseLayers());
    if (typeof below === 'string') return below;
    const contents = [...below];
    for (const [i, step] of steps.entries()) {
      const record = this.context.store.records.look(definitions[i]!.digest);
      if (record === undefined) return 'unknown';
      const inputs = await this.inputsOf(step, contents);
      if (inputs !== undefined && inputs !== record.inputs) return 'outdated';
      contents.push(record.content);
    }
    return contents;
  }

  /** Digest of what a step stands on and reads of other stages; undefined when that is not known any more. */
  private async inputsOf(step: Step, below: readonly Digest[]): Promise<Digest | undefined> {
    const read = await Promise.all(stagesReadBy(step).map((stage) => this.graph.stage(stage).contents()));
    return read.includes('unknown') ? undefined : digestOf({ below, read });
  }

  /**
   * Whether a step whose definition is known stands on, and reads, what it did when its layer was made. What is below it
   * may have been made anew by a build that did not get this far (`--no-cache --target`); its layer would not fit.
   */
  private async stillFits(step: Step, definition: Digest, below: readonly SolvedLayer[]): Promise<boolean> {
    const then = this.inputs.get(definition);
    const now = then === undefined ? undefined : await this.inputsOf(step, contentsOf(below));
    return now === undefined || now === then;
  }

  /** Reports the steps that nobody had to ask for: what uses them was known. */
  async reportUnneeded(): Promise<void> {
    await this.reportBase();
    for (const step of this.stage.steps) {
      if (this.reported.has(step.id)) continue;
      this.reported.add(step.id);
      this.context.emit({ type: 'step.started', step: step.id });
      this.context.emit({ type: 'step.finished', step: step.id, outcome: 'cached', durationMs: 0 });
    }
  }

  /** A base image counts as the stage's first step, which takes as long as the fetching of what is needed of it. */
  private async reportBase(): Promise<void> {
    const { base } = this.stage;
    if (base.kind === 'image') await this.context.baseFetch(base.image).settle();
  }

  /** Whether nothing is going to be fetched of the base for this stage, as far as can be told. */
  private hasBase(definitions: readonly Definition[]): boolean {
    const { base } = this.stage;
    if (base.kind !== 'image' || definitions.every(({ digest }) => this.defined(digest) !== undefined))
      return true;
    const { layers } = this.context.store;
    const [form] = this.context.forms();
    return base.image.layers.every(({ diffId }) => layers.hasDirectory(layerId(diffId), form));
  }

  private definitions(): Promise<Definition[]> {
    this.defining ??= this.define();
    return this.defining;
  }

  private async define(): Promise<Definition[]> {
    const definitions: Definition[] = [];
    // Stages can stand on each other in thousands: each is asked on a stack of its own.
    await undefined;
    let below = await this.base();
    for (const step of this.stage.steps) {
      const instruction = instructionOf(step, this.context.time, this.context.run);
      const source = await this.sourceDefinition(step);
      below = stepDefinition(instruction, below, source);
      definitions.push({ instruction, digest: below });
    }
    return definitions;
  }

  private async sourceDefinition(step: Step): Promise<Digest | undefined> {
    if (step.kind === 'copy') return this.copy(step).definition();
    if (step.kind !== 'run') return undefined;
    // What stands on no image is defined alike for all platforms, and what a command makes of it is not.
    const platform = formatPlatform(this.stage.platform);
    return digestOf({ platform, mounts: await this.mountsOf(step).definition() });
  }

  private mountsOf(step: RunStep): RunMounts {
    let mounts = this.mounts.get(step.id);
    if (mounts === undefined) {
      mounts = new RunMounts(
        this.isRebuilt ? { ...this.context, noCache: true } : this.context,
        this.graph,
        step,
      );
      this.mounts.set(step.id, mounts);
    }
    return mounts;
  }

  private async base(): Promise<Digest> {
    const { base } = this.stage;
    const parent = base.kind === 'stage' ? await this.graph.stage(base.stage).definition() : undefined;
    return baseDefinition(base, parent);
  }

  private copy(step: CopyStep): CopySolver {
    let copy = this.copies.get(step.id);
    if (copy === undefined) {
      copy = new CopySolver(
        // What was selected of a stage before is no longer what is in it.
        this.isRebuilt ? { ...this.context, noCache: true } : this.context,
        this.graph,
        step,
        this.transfersOf(step),
      );
      this.copies.set(step.id, copy);
    }
    return copy;
  }

  private async solve(): Promise<SolvedLayer[]> {
    const definitions = await this.definitions();
    if (this.hasBase(definitions)) await this.reportBase();
    this.prefetch(definitions);
    const layers = await this.baseLayers();
    for (const [i, step] of this.stage.steps.entries()) {
      await this.sourceOf(step, definitions[i]!);
      this.context.signal.throwIfAborted();
      if (this.retired !== undefined) throw this.retired;
      await this.haltAt(step, 'before', layers);
      const layer = await this.solveStep(step, definitions[i]!, layers);
      this.graph.remember(layer);
      layers.push(layer);
      await this.haltAt(step, 'after', layers);
    }
    await this.reportBase();
    return layers;
  }

  private async haltAt(step: Step, when: 'before' | 'after', layers: readonly SolvedLayer[]): Promise<void> {
    if (step.kind !== 'run' || !haltsAt(this.context.halt, step, when)) return;
    throw await Halted.at(this.context, step, this.mountsOf(step), layers, { isAfter: when === 'after' });
  }

  /** Starts the stages that steps without a record read: they are solved at the same time as this one. */
  private prefetch(definitions: Definition[]): void {
    for (const [i, step] of this.stage.steps.entries()) {
      if (this.defined(definitions[i]!.digest) !== undefined) continue;
      for (const stage of stagesReadBy(step)) {
        this.graph
          .stage(stage)
          .layers()
          .catch((error: unknown) => this.graph.fail(error));
      }
    }
  }

  /** Waits for the stages that a step reads: that time, and that failure, are not the step's own. */
  private async sourceOf(step: Step, definition: Definition): Promise<void> {
    if (this.defined(definition.digest) !== undefined) return;
    await Promise.all(stagesReadBy(step).map((stage) => this.graph.stage(stage).layers()));
  }

  private async baseLayers(): Promise<SolvedLayer[]> {
    const { base } = this.stage;
    if (base.kind === 'scratch') return [];
    if (base.kind === 'stage') return [...(await this.graph.stage(base.stage).layers())];
    return this.graph.imageLayers(base.image);
  }

  private async solveStep(
    step: Step,
    definition: Definition,
    below: readonly SolvedLayer[],
  ): Promise<SolvedLayer> {
    // A stage that nobody needed can be asked for all the same, to be shared.
    if (this.reported.has(step.id)) return (await this.resolveStep(step, definition, below)).layer;
    this.reported.add(step.id);
    try {
      const { layer, outcome } = await this.resolveStep(step, definition, below);
      this.finish(step, outcome, layer.id);
      return layer;
    } catch (error) {
      if (error instanceof NotReady) throw error.cause;
      // It starts again.
      if (isLost(error)) throw error;
      const isHalt = error instanceof Halted || this.context.signal.aborted;
      this.finish(step, isHalt ? 'cancelled' : 'failed');
      throw placed(fromSystemError(error, this.context.store.layout.home) ?? error, step);
    }
  }

  /** Tells that a step does something now. May be called more than once. */
  private begin(step: Step): number {
    const begun = this.begun.get(step.id);
    if (begun !== undefined) return begun;
    const now = Date.now();
    this.begun.set(step.id, now);
    this.context.emit({ type: 'step.started', step: step.id });
    return now;
  }

  /** What ADD fetches it fetches before it is known whether it has anything else to do. */
  private transfersOf(step: Step): OnProgress {
    return sparing((progress) => {
      this.begin(step);
      this.context.emit({ type: 'transfer', of: step.id, direction: 'in', ...progress });
    });
  }

  private finish(step: Step, outcome: StepOutcome, layer?: string): void {
    const durationMs = Date.now() - this.begin(step);
    const finished = { type: 'step.finished', step: step.id, outcome, durationMs } as const;
    this.context.emit(layer === undefined ? finished : { ...finished, layer });
  }

  /**
   * Has the base images here of which a step that is carried out needs the files: that time, and that failure, are
   * the images' own.
   *
   * @throws NotReady
   */
  private async ready(step: Step, below: readonly SolvedLayer[]): Promise<void> {
    const started = Date.now();
    const form = step.kind === 'run' ? 'directory' : 'index';
    const read = readBy(step).flatMap((from) =>
      from.kind === 'image' ? this.graph.imageLayers(from.image) : [],
    );
    const fetched = (layers: readonly SolvedLayer[]) =>
      Promise.all(layers.map((layer) => layer.fetched?.(form)));
    try {
      // A COPY --link looks at nothing below.
      if (step.kind !== 'copy' || !step.link) await located(this.stage, () => fetched(below));
      await located(step, () => fetched(read));
    } catch (error) {
      throw new NotReady('a base image cannot be fetched', { cause: error });
    }
    // What a step did before it had to wait stays its own.
    const begun = this.begun.get(step.id);
    if (begun !== undefined) this.begun.set(step.id, begun + Date.now() - started);
  }

  private async resolveStep(
    step: Step,
    definition: Definition,
    below: readonly SolvedLayer[],
  ): Promise<{ layer: SolvedLayer; outcome: 'cached' | 'reused' | 'done' }> {
    const known = this.defined(definition.digest);
    if (known !== undefined && (await this.stillFits(step, definition.digest, below)))
      return { layer: this.layerOf(step, known, below), outcome: 'cached' };
    if (step.kind === 'run') return this.resolveRun(step, definition, below);
    return this.resolveRecipe(step, definition, below);
  }

  private async resolveRun(
    step: RunStep,
    { instruction, digest }: Definition,
    below: readonly SolvedLayer[],
  ) {
    const mounts = this.mountsOf(step);
    const observations = runObservations(this.stage.platform, below, await mounts.observe());
    const key = stepKey(instruction, observations);
    const kept = { instruction, observations, key, below };
    if (this.recorded(key) === undefined) await this.ready(step, below);
    this.begin(step);
    const { record, made } = await this.graph.once(key, async () => {
      const known = this.recorded(key);
      if (known !== undefined) return { record: known, made: false };
      const failure = await failureOf(this.context, key);
      if (failure !== undefined) throw await Halted.at(this.context, step, mounts, below, { failure });
      return runStep(this.context, step, mounts, key, below, {
        lookUp: () => this.recorded(key),
        keep: (record) => this.keep(step, { ...kept, record, definitions: [key] }),
      });
    });
    await this.keep(step, { ...kept, record, definitions: [digest] });
    return {
      layer: this.layerOf(step, record, below),
      outcome: made ? ('done' as const) : ('reused' as const),
    };
  }

  private async resolveRecipe(
    step: CopyStep | WorkdirStep,
    { instruction, digest }: Definition,
    below: readonly SolvedLayer[],
  ) {
    const remembered = await this.remembered(step, instruction, below);
    if (remembered !== undefined) {
      await this.keep(step, { instruction, ...remembered, below, definitions: [digest] });
      return { layer: this.layerOf(step, remembered.record, below), outcome: 'reused' as const };
    }
    await this.ready(step, below);
    this.begin(step);
    const observed = await this.observe(step, below);
    const key = stepKey(instruction, observed.observations);
    const { layers } = this.context.store;
    let made = false;
    const record = await this.graph.once(key, async () => {
      const known = this.context.noCache ? undefined : this.layerRecord(layerId(key));
      made = known === undefined;
      return known ?? this.graph.install(newLayerIdentity(layers, key, step.kind), observed.entries);
    });
    const { observations } = observed;
    await this.keep(step, { instruction, observations, key, record, below, definitions: [digest] });
    const layer =
      this.sharedLayer(record) ?? new RecipeLayer(this.context, record, async () => observed.entries, made);
    return { layer, outcome: made ? ('done' as const) : ('reused' as const) };
  }

  /** A layer that is found without listing what is copied into it. */
  private async remembered(
    step: CopyStep | WorkdirStep,
    instruction: Record<string, unknown>,
    below: readonly SolvedLayer[],
  ) {
    if (step.kind !== 'copy') return undefined;
    const observations = await this.copy(step).remembered(below);
    if (observations === undefined) return undefined;
    const key = stepKey(instruction, observations);
    const record = this.layerRecord(layerId(key));
    return record === undefined ? undefined : { observations, key, record };
  }

  private observe(step: CopyStep | WorkdirStep, below: readonly SolvedLayer[]) {
    return step.kind === 'copy'
      ? this.copy(step).observe(below)
      : observeWorkdir(this.context, this.graph, step, below);
  }

  /** The layer of an earlier build that a definition stands for. */
  private defined(definition: Digest): LayerRecord | undefined {
    return this.isRebuilt ? undefined : this.recorded(definition);
  }

  /** The layer of an earlier build that a digest stands for, if the store still has it. */
  private recorded(digest: Digest): LayerRecord | undefined {
    if (this.context.noCache) return undefined;
    const known = this.found.get(digest);
    if (known !== undefined) return known;
    const record = this.context.store.records.use(digest);
    const own = record === undefined ? undefined : this.ownLayer(record.layer);
    if (own !== undefined) this.inputs.set(digest, record!.inputs);
    const layer = own ?? this.context.shared?.step(digest)?.layer;
    if (layer !== undefined) this.found.set(digest, layer);
    return layer;
  }

  private layerRecord(id: string): LayerRecord | undefined {
    return this.ownLayer(id) ?? this.context.shared?.layer(id)?.layer;
  }

  /** A layer of the store. What a command made counts only where this build can read it, in whatever form. */
  private ownLayer(id: string): LayerRecord | undefined {
    const record = this.context.store.layers.record(id);
    return record?.kind === 'run' && !this.hasFiles(id) ? undefined : record;
  }

  private hasFiles(id: string): boolean {
    const { layers } = this.context.store;
    return layers.directories(id, this.context.forms()).length > 0 || layers.blob(id) !== undefined;
  }

  /** The layer of a step of another machine, of which the store has no form. */
  private elsewhere(id: string): CachedStep | undefined {
    return this.context.noCache || this.hasFiles(id) ? undefined : this.context.shared?.layer(id);
  }

  /** A layer of which another machine has what the store lacks. */
  private sharedLayer({ id }: LayerRecord): SolvedLayer | undefined {
    const cached = this.elsewhere(id);
    if (cached === undefined) return undefined;
    const layer = new SharedLayer(this.context, this.context.shared!, cached);
    this.shared.push(layer);
    return layer;
  }

  /** The steps for other machines; none of a stage that would have to be built for that. */
  async shareable(): Promise<SharedStep[]> {
    if (this.solving === undefined && !(await this.isKnown())) return [];
    const definitions = await this.definitions();
    const layers = (await this.layers()).slice(-this.stage.steps.length || Number.POSITIVE_INFINITY);
    const steps: SharedStep[] = [];
    for (const [i, { title }] of this.stage.steps.entries()) {
      const definition = definitions[i]!.digest;
      const { store, shared } = this.context;
      const key = store.records.use(definition)?.key ?? shared?.step(definition)?.step.key;
      const layer = this.layerRecord(layers[i]!.id);
      if (key === undefined || layer === undefined) continue;
      const elsewhere = this.elsewhere(layer.id);
      if (elsewhere !== undefined) {
        // What is only known from another cache can be passed on without being looked at.
        const { packed, index } = elsewhere;
        const found = layers[i]!;
        const fetch = (blob: Descriptor) => {
          const fetching = shared!.fetch(elsewhere, blob);
          return found instanceof SharedLayer ? found.orLost(fetching) : fetching;
        };
        steps.push({ step: { definition, key, title }, layer, packed, index, fetch });
        continue;
      }
      const packed = await layers[i]!.blob();
      const fetch = (blob: Descriptor) => this.context.fetchBlob(blob);
      steps.push({
        step: { definition, key, title },
        layer,
        packed,
        index: () => layers[i]!.index(),
        fetch,
      });
    }
    return steps;
  }

  /** Whether all of the stage, and of what it is built on, is there. */
  async isKnown(): Promise<boolean> {
    const { base } = this.stage;
    if (base.kind === 'stage' && !(await this.graph.stage(base.stage).isKnown())) return false;
    return (await this.definitions()).every(({ digest }) => this.defined(digest) !== undefined);
  }

  private layerOf(step: Step, record: LayerRecord, below: readonly SolvedLayer[]): SolvedLayer {
    const shared = this.sharedLayer(record);
    if (shared !== undefined) return shared;
    if (step.kind === 'run') return new RunLayer(this.context, record);
    const under = [...below];
    return new RecipeLayer(this.context, record, async () => (await this.observe(step, under)).entries);
  }

  private async keep(
    step: Step,
    made: {
      instruction: unknown;
      observations: unknown;
      key: Digest;
      record: LayerRecord;
      below: readonly SolvedLayer[];
      definitions: Digest[];
    },
  ): Promise<void> {
    const inputs = (await this.inputsOf(step, contentsOf(made.below))) ?? digestOf('unknown');
    for (const definition of made.definitions) {
      this.context.store.records.put({
        definition,
        key: made.key,
        layer: made.record.id,
        content: made.record.content,
        inputs,
        instruction: made.instruction,
        observations: made.observations,
        title: step.title,
        created: new Date().toISOString(),
      });
    }
  }
}

/** A step could not begin, since a base image was not to be had; `cause` says why. */
class NotReady extends Error {}

function contentsOf(layers: readonly SolvedLayer[]): Digest[] {
  return layers.map(({ content }) => content);
}

/** The stages whose files a step reads, apart from what it stands on. */
function stagesReadBy(step: Step): PlannedStage[] {
  return readBy(step).flatMap((from) => (from.kind === 'stage' ? [from.stage] : []));
}

/** The layers of a base image, none of them fetched yet. */
export function imageLayers(context: SolveContext, image: BaseImage): SolvedLayer[] {
  return image.layers.map((layer) => new ImageLayer(context, layer, context.baseFetch(image)));
}
