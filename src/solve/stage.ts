import type { SharedStep } from '../cache/export-cache.ts';
import type { JettisonError } from '../errors/error.ts';
import { located, placed } from '../errors/locate.ts';
import { fromSystemError } from '../errors/system.ts';
import type { Ground } from '../history/step-facts.ts';
import { type Digest, digestOf } from '../image/digest.ts';
import type { PlannedStage, Step } from '../plan/plan.ts';
import { type LayerRecord, layerId } from '../store/layers.ts';
import { filesReadBy } from './files-read.ts';
import type { SolvedLayer, SolvedStage, StepGraph, Unsolved } from './graph.ts';
import { Halted } from './halt.ts';
import { baseDefinition, instructionOf, stepDefinition, stepKey } from './keys.ts';
import { KnownLayers } from './known-layers.ts';
import type { SharedLayer } from './layers/shared.ts';
import { isLost } from './lost-layers.ts';
import { shareableSteps } from './shareable-steps.ts';
import type { SolveContext } from './solve-context.ts';
import { baseGround, type DefinedStep, StepAccounts } from './step-accounts.ts';
import type { StepPhases } from './step-phases.ts';
import { StepReports } from './step-reports.ts';
import type { Observations, Op } from './steps/op.ts';
import { opOf } from './steps/ops.ts';

interface Resolved {
  layer: SolvedLayer;
  outcome: 'cached' | 'reused' | 'done';
}

/** Solves one stage: looks up each step by definition, then by key, else executes it. */
export class StageSolver implements SolvedStage {
  readonly #known: KnownLayers;
  readonly #reports: StepReports;
  #defining?: Promise<DefinedStep[]>;
  readonly #defined: DefinedStep[] = [];
  #solving?: Promise<SolvedLayer[]>;
  #looking?: Promise<readonly Digest[] | Unsolved>;
  #retired?: JettisonError;
  readonly #accounts: StepAccounts;

  constructor(
    private readonly context: SolveContext,
    private readonly graph: StepGraph,
    readonly stage: PlannedStage,
    /** It, or a stage that it reads, is rebuilt: its steps are looked up by key only. */
    private readonly isRebuilt: boolean,
  ) {
    this.#known = new KnownLayers(context, isRebuilt);
    this.#reports = new StepReports(context.emit);
    this.#accounts = new StepAccounts(context, stage, graph);
  }

  /** Definition digest of the whole stage. */
  async definition(): Promise<Digest> {
    const steps = await this.#steps();
    return steps.at(-1)?.digest ?? (await this.#baseDefinition());
  }

  async ground(): Promise<Ground> {
    const last = (await this.#steps()).at(-1);
    if (last === undefined) return this.#baseGround();
    return { kind: 'step', stage: this.stage.name, definition: last.digest };
  }

  /** The definitions of its steps that are known so far. */
  get definitions(): ReadonlyMap<string, Digest> {
    return new Map(this.#defined.map(({ step, digest }) => [step.id, digest]));
  }

  /** All layers of the stage, including those of its base, lowest first. */
  layers(): Promise<SolvedLayer[]> {
    this.#solving ??= this.#solve();
    return this.#solving;
  }

  /** Layers of other machines that its steps use. */
  get shared(): readonly SharedLayer[] {
    return this.#known.shared;
  }

  /** Whether one of them is lost. */
  get hasLost(): boolean {
    return this.shared.some(({ isLost }) => isLost);
  }

  /** Stops it before its next step, and waits for that. Another solver replaces it. */
  async retire(reason: JettisonError): Promise<void> {
    this.#retired = reason;
    await this.#solving?.catch(() => {});
  }

  /** Content digests of all its layers: from the solved layers, else from the records. */
  async contents(): Promise<readonly Digest[] | Unsolved> {
    if (this.#solving !== undefined) return contentsOf(await this.#solving);
    this.#looking ??= this.#lookUpContents();
    return this.#looking;
  }

  /** Whether all layers of the stage and of the stages below it are known. */
  async isKnown(): Promise<boolean> {
    const { base } = this.stage;
    if (base.kind === 'stage' && !(await this.graph.stage(base.stage).isKnown())) return false;
    return (await this.#steps()).every((one) => this.#isDefined(one));
  }

  /** Reports the steps that were not needed, since the results that use them are known. */
  async reportUnneeded(): Promise<void> {
    await this.#reportBase();
    for (const { id } of this.stage.steps) this.#reports.unneeded(id);
  }

  /** The steps for other machines; empty for a stage that is not solved and would have to be built. */
  async shareable(): Promise<SharedStep[]> {
    if (this.#solving === undefined && !(await this.isKnown())) return [];
    const steps = await this.#steps();
    const layers = (await this.layers()).slice(-steps.length || Number.POSITIVE_INFINITY);
    const solved = steps.map(({ step, digest }, i) => ({ step, definition: digest, layer: layers[i]! }));
    return shareableSteps(this.context, this.#known, solved);
  }

  #steps(): Promise<DefinedStep[]> {
    this.#defining ??= this.#define();
    return this.#defining;
  }

  async #define(): Promise<DefinedStep[]> {
    // There can be thousands of stages on top of each other: a new call stack for each.
    await undefined;
    let below = await this.#baseDefinition();
    let ground = await this.#baseGround();
    for (const step of this.stage.steps) {
      const phases = this.#reports.phasesOf(step.id);
      const op = this.#opOf(step, phases);
      const instruction = instructionOf(step, this.context.time, this.context.run);
      below = stepDefinition(instruction, below, await phases.during('lookup', () => op.source()));
      this.#defined.push({ step, op, phases, instruction, digest: below, below: ground });
      ground = { kind: 'step', stage: this.stage.name, definition: below };
    }
    return this.#defined;
  }

  #opOf(step: Step, phases: StepPhases): Op {
    return opOf(step, {
      context: this.context,
      selecting: this.isRebuilt ? { ...this.context, noCache: true } : this.context,
      graph: this.graph,
      known: this.#known,
      platform: this.stage.platform,
      phases,
      onTransfer: this.#reports.transfersOf(step.id),
    });
  }

  async #baseDefinition(): Promise<Digest> {
    const { base } = this.stage;
    const parent = base.kind === 'stage' ? await this.graph.stage(base.stage).definition() : undefined;
    return baseDefinition(base, parent);
  }

  #baseGround(): Promise<Ground> {
    return baseGround(this.stage.base, (stage) => this.graph.stage(stage));
  }

  #isDefined({ digest }: DefinedStep): boolean {
    return this.#known.defined(digest) !== undefined;
  }

  async #lookUpContents(): Promise<readonly Digest[] | Unsolved> {
    const { base } = this.stage;
    const steps = await this.#steps();
    const below =
      base.kind === 'stage'
        ? await this.graph.stage(base.stage).contents()
        : contentsOf(await this.#baseLayers());
    if (typeof below === 'string') return below;
    const contents = [...below];
    for (const { op, digest } of steps) {
      const record = this.context.store.records.look(digest);
      if (record === undefined) return 'unknown';
      const inputs = await this.#inputsOf(op, contents);
      if (inputs !== undefined && inputs !== record.inputs) return 'outdated';
      contents.push(record.content);
    }
    return contents;
  }

  /** Digest of the contents of the layers below a step and of the stages that it reads; undefined if unknown. */
  async #inputsOf(op: Op, below: readonly Digest[]): Promise<Digest | undefined> {
    const read = await Promise.all(op.stagesRead().map((stage) => this.graph.stage(stage).contents()));
    return read.includes('unknown') ? undefined : digestOf({ below, read });
  }

  /**
   * Whether the inputs of a step with a known definition are those of its recorded layer. A build that did not include
   * this step (`--no-cache --target`) may have rebuilt the layers below, on which the recorded layer does not fit.
   */
  async #stillFits({ op, digest }: DefinedStep, below: readonly SolvedLayer[]): Promise<boolean> {
    const then = this.#known.inputsOf(digest);
    const now = then === undefined ? undefined : await this.#inputsOf(op, contentsOf(below));
    return now === undefined || now === then;
  }

  /** Reports the base image as the stage's first step, whose time is that of its fetches. */
  async #reportBase(): Promise<void> {
    const { base } = this.stage;
    if (base.kind === 'image') await this.context.baseFetch(base.image).settle();
  }

  /** Whether this stage will probably fetch no part of its base image. */
  #hasBase(steps: readonly DefinedStep[]): boolean {
    const { base } = this.stage;
    if (base.kind !== 'image' || steps.every((one) => this.#isDefined(one))) return true;
    const { layers } = this.context.store;
    const [form] = this.context.forms();
    return base.image.layers.every(({ diffId }) => layers.hasDirectory(layerId(diffId), form));
  }

  async #baseLayers(): Promise<SolvedLayer[]> {
    const { base } = this.stage;
    if (base.kind === 'scratch') return [];
    if (base.kind === 'stage') return [...(await this.graph.stage(base.stage).layers())];
    return this.graph.imageLayers(base.image);
  }

  async #solve(): Promise<SolvedLayer[]> {
    const steps = await this.#steps();
    if (this.#hasBase(steps)) await this.#reportBase();
    this.#prefetch(steps);
    const layers = await this.#baseLayers();
    for (const one of steps) {
      await this.#waitForStagesRead(one);
      this.context.signal.throwIfAborted();
      if (this.#retired !== undefined) throw this.#retired;
      await one.op.haltAt?.('before', layers);
      const layer = await this.#solveStep(one, layers);
      this.graph.remember(layer);
      layers.push(layer);
      await one.op.haltAt?.('after', layers);
    }
    await this.#reportBase();
    return layers;
  }

  /** Starts the stages that steps without a record read, so that they are solved concurrently. */
  #prefetch(steps: readonly DefinedStep[]): void {
    for (const one of steps) {
      if (this.#isDefined(one)) continue;
      for (const stage of one.op.stagesRead()) {
        this.graph
          .stage(stage)
          .layers()
          .catch((error: unknown) => this.graph.fail(error));
      }
    }
  }

  /** Waits for the stages that a step reads. Their time and their failures are not the step's. */
  async #waitForStagesRead(one: DefinedStep): Promise<void> {
    if (this.#isDefined(one)) return;
    await Promise.all(one.op.stagesRead().map((stage) => this.graph.stage(stage).layers()));
  }

  async #solveStep(one: DefinedStep, below: readonly SolvedLayer[]): Promise<SolvedLayer> {
    const { step } = one;
    // A stage that was reported as unneeded can still be solved, for the export of a cache.
    if (!this.#reports.claim(step.id)) return (await this.#resolve(one, below)).layer;
    try {
      const { layer, outcome } = await this.#resolve(one, below);
      this.#reports.finish(step.id, outcome, layer.id);
      return layer;
    } catch (error) {
      if (error instanceof NotReady) throw error.cause;
      // It will be solved again.
      if (isLost(error)) throw error;
      const isHalt = error instanceof Halted || this.context.signal.aborted;
      this.#reports.finish(step.id, isHalt ? 'cancelled' : 'failed');
      throw placed(fromSystemError(error, this.context.store.layout.home) ?? error, step);
    }
  }

  async #resolve(one: DefinedStep, below: readonly SolvedLayer[]): Promise<Resolved> {
    const { step, op, phases, instruction, digest } = one;
    const cached = this.#known.defined(digest);
    if (cached !== undefined && (await this.#stillFits(one, below))) {
      const shared = this.#known.sharedLayer(cached);
      if (shared !== undefined) await this.#accounts.elsewhere(one, below);
      return { layer: shared ?? op.layer(cached, below), outcome: 'cached' };
    }

    const keep = (definition: Digest, key: Digest, observations: Observations, record: LayerRecord) =>
      this.#keep(one, { definition, key, observations, record, below });

    const glanced = await phases.during('lookup', () => op.glance(below));
    if (glanced !== undefined) {
      const key = stepKey(instruction, glanced);
      const known = op.lookUp(key);
      if (known !== undefined) {
        await keep(digest, key, glanced, known);
        const shared = this.#known.sharedLayer(known);
        if (shared !== undefined) await this.#accounts.missed(one, key, glanced, true);
        return { layer: shared ?? op.layer(known, below), outcome: 'reused' };
      }
    }

    await this.#ready(one, below);
    this.#reports.begin(step.id);
    const observed = await phases.during('lookup', () => op.observe(below));
    const { observations } = observed;
    const key = stepKey(instruction, observations);
    const known = this.context.noCache ? undefined : op.lookUp(key);
    const isElsewhere = known !== undefined && this.#known.elsewhere(known.id) !== undefined;
    if (known === undefined || isElsewhere) await this.#accounts.missed(one, key, observations, isElsewhere);
    const { record, made } = await op.make({
      key,
      below,
      observed,
      keep: (record) => keep(key, key, observations, record),
    });
    await keep(digest, key, observations, record);
    const layer = this.#known.sharedLayer(record) ?? op.layer(record, below, { observed, made });
    return { layer, outcome: made ? 'done' : 'reused' };
  }

  /**
   * Fetches the base images whose files a step needs for its execution. The time and the failures are the images'.
   *
   * @throws NotReady
   */
  async #ready({ step, op, phases }: DefinedStep, below: readonly SolvedLayer[]): Promise<void> {
    // A failure is reported where the worker is used.
    if (op.needs === 'directory') await phases.during('start', () => this.context.worker()).catch(() => {});
    const read = filesReadBy(step).flatMap((from) =>
      from.kind === 'image' ? this.graph.imageLayers(from.image) : [],
    );
    const fetched = (layers: readonly SolvedLayer[]) =>
      Promise.all(layers.map((layer) => layer.fetched?.(op.needs)));
    try {
      await this.#reports.outside(step.id, async () => {
        if (op.readsBelow) await located(this.stage, () => fetched(below));
        await located(step, () => fetched(read));
      });
    } catch (error) {
      throw new NotReady('a base image cannot be fetched', { cause: error });
    }
  }

  async #keep(
    one: DefinedStep,
    made: {
      definition: Digest;
      key: Digest;
      observations: Observations;
      record: LayerRecord;
      below: readonly SolvedLayer[];
    },
  ): Promise<void> {
    const { step, op, instruction } = one;
    const { definition, key, observations, record, below } = made;
    const inputs = (await this.#inputsOf(op, contentsOf(below))) ?? digestOf('unknown');
    this.context.store.records.put({
      definition,
      key,
      layer: record.id,
      content: record.content,
      inputs,
      instruction,
      observations,
      title: step.title,
      created: new Date().toISOString(),
    });
    // The record of a RUN by its key is not reported.
    if (definition === one.digest) await this.#accounts.kept(one, key, observations, record);
  }
}

/** A step could not begin, since a base image could not be fetched (`cause`). */
class NotReady extends Error {}

function contentsOf(layers: readonly SolvedLayer[]): Digest[] {
  return layers.map(({ content }) => content);
}
