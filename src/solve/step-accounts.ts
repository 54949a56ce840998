import { withoutCredentials } from '../errors/safe-text.ts';
import type { FileList } from '../history/file-list.ts';
import type { FilesRead, Ground, StepFacts } from '../history/step-facts.ts';
import type { Leftover, MissedStep } from '../history/step-watch.ts';
import type { Digest } from '../image/digest.ts';
import { formatPlatform } from '../image/platform.ts';
import { shownName } from '../plan/named-contexts.ts';
import type { CopyFrom, PlannedStage, RemoteSource, RunStep, StageBase, Step } from '../plan/plan.ts';
import type { LayerRecord } from '../store/layers.ts';
import { KEY_VERSION } from '../store/records.ts';
import type { SolvedLayer, SolvedStage, StepGraph } from './graph.ts';
import type { SolveContext } from './solve-context.ts';
import type { StepPhases } from './step-phases.ts';
import type { Observations, Op } from './steps/op.ts';

/** More patterns of an ignore file are not kept with each step. */
const MOST_PATTERNS = 500;

/** A step with its definition. */
export interface DefinedStep {
  step: Step;
  op: Op;
  phases: StepPhases;
  instruction: Record<string, unknown>;
  /** The definition digest. */
  digest: Digest;
  /** The step or base below it. */
  below: Ground;
}

/** Reports the facts of one stage's steps to the recorder of builds. */
export class StepAccounts {
  constructor(
    private readonly context: SolveContext,
    private readonly stage: PlannedStage,
    private readonly graph: StepGraph,
  ) {}

  /** Reports a step that the store does not have. */
  async missed(
    one: DefinedStep,
    key: Digest | undefined,
    observations: Observations,
    isElsewhere: boolean,
  ): Promise<void> {
    const { watch, noCache, noCacheStages } = this.context;
    if (watch === undefined) return;
    await watch.missed({
      ...(await this.#account(one, key, observations)),
      noCache: noCache ? (noCacheStages.has(this.stage.name) ? 'stage' : 'all') : undefined,
      left: leftOf(this.context, one.digest, key),
      given: givenTo(one.step, this.context),
      isElsewhere,
    });
  }

  /** Reports a step that another machine has under its definition. Its observations are included if no stage must be built. */
  async elsewhere(one: DefinedStep, below: readonly SolvedLayer[]): Promise<void> {
    if (this.context.watch === undefined) return;
    const canGlance = one.op.stagesRead().length === 0;
    const observations = canGlance ? await one.op.glance(below) : undefined;
    await this.missed(one, undefined, observations ?? {}, true);
  }

  /** Reports the layer of a step that was not known under this definition. */
  async kept(one: DefinedStep, key: Digest, observations: Observations, made: LayerRecord): Promise<void> {
    const { watch } = this.context;
    if (watch !== undefined) await watch.kept(await this.#account(one, key, observations, made));
  }

  async #account(
    { step, op, instruction, digest, below }: DefinedStep,
    key: Digest | undefined,
    observations: Observations,
    made?: LayerRecord,
  ): Promise<Pick<MissedStep, 'id' | 'facts' | 'lists'>> {
    const { stage } = this;
    const lists = new Map<Digest, () => FileList>();
    const selected = await op.selected();
    for (const one of selected) if (one !== undefined) lists.set(one.digest, one.list);
    const files: FilesRead[] = [];
    for (const [at, { from, remote, target }] of sourcesOf(step).entries()) {
      const selection = selected[at]?.digest;
      files.push({
        from: remote === undefined ? await this.#ground(from) : remoteGround(remote),
        ...(target === undefined ? {} : { target }),
        ...(selection === undefined ? {} : { selection }),
        ...(remote === undefined ? await this.#ignored(from) : {}),
      });
    }
    const scope = stage.scopes.get(step.id);
    const facts: StepFacts = {
      definition: digest,
      ...(key === undefined ? {} : { key }),
      keyVersion: KEY_VERSION,
      stage: stage.name,
      platform: formatPlatform(stage.platform),
      kind: step.kind,
      title: step.title,
      line: step.location.line,
      text: step.source,
      instruction,
      observations,
      variables: step.kind === 'run' ? ownVariables(step, stage) : (scope?.variables ?? {}),
      args: stage.args,
      cwd: scope?.cwd ?? '/',
      below,
      files,
      ...(made === undefined ? {} : { content: made.content, layer: made.id, empty: made.entries === 0 }),
    };
    return { id: step.id, facts, lists };
  }

  /** What hides files of a build context. */
  async #ignored(from: CopyFrom): Promise<Pick<FilesRead, 'ignore'>> {
    const { context } = this;
    const files =
      from.kind === 'context'
        ? context.buildContext
        : from.kind === 'named'
          ? await context.named(from.name)
          : undefined;
    if (files === undefined || files.ignore.isEmpty) return {};
    const { file, patterns } = files.ignore;
    return patterns.length > MOST_PATTERNS ? {} : { ignore: { file, patterns } };
  }

  async #ground(from: CopyFrom): Promise<Ground> {
    switch (from.kind) {
      case 'context':
        return { kind: 'context', name: '' };
      case 'named':
        return { kind: 'context', name: from.name };
      case 'image':
        return imageGround(from.image);
      case 'stage':
        return this.graph.stage(from.stage).ground();
    }
  }
}

/** The base of a stage, for records. */
export async function baseGround(
  base: StageBase,
  stageOf: (stage: PlannedStage) => SolvedStage,
): Promise<Ground> {
  switch (base.kind) {
    case 'scratch':
      return { kind: 'scratch' };
    case 'image':
      return imageGround(base.image);
    case 'stage':
      return stageOf(base.stage).ground();
  }
}

/** The secrets and SSH agents of a step's mounts, with whether they were given. */
function givenTo(step: Step, { secrets, agents }: SolveContext): Record<string, boolean> {
  if (step.kind !== 'run') return {};
  return Object.fromEntries(
    step.mounts.flatMap((mount): [string, boolean][] => {
      if (mount.type === 'secret') return [[`secret ${mount.id}`, secrets.has(mount.id)]];
      return mount.type === 'ssh' ? [[`SSH agent ${mount.id}`, agents.has(mount.id)]] : [];
    }),
  );
}

/** What the store still has of a step that was not found. */
function leftOf({ store, forms }: SolveContext, definition: Digest, key: Digest | undefined): Leftover {
  const record = store.records.look(definition) ?? (key === undefined ? undefined : store.records.look(key));
  if (record === undefined) return 'nothing';
  const layer = store.layers.record(record.layer);
  if (layer === undefined) return 'no-layer';
  const isUnreadable =
    store.layers.directories(layer.id).length > 0 && store.layers.directories(layer.id, forms()).length === 0;
  return isUnreadable ? 'unreadable' : 'no-layer';
}

/** The places that a step selects files from, in the order of its selections. */
function sourcesOf(step: Step): { from: CopyFrom; remote?: RemoteSource; target?: string }[] {
  if (step.kind === 'copy') {
    const { from, remotes } = step;
    return [{ from }, ...remotes.map((remote) => ({ from, remote }))];
  }
  if (step.kind === 'workdir') return [];
  return step.mounts.flatMap((mount) => {
    const from = mount.type === 'bind' || mount.type === 'cache' ? mount.from : undefined;
    return from === undefined || !('target' in mount) ? [] : [{ from, target: mount.target! }];
  });
}

function remoteGround(remote: RemoteSource): Ground {
  const url = remote.kind === 'http' ? remote.url : remote.source.url;
  return { kind: 'remote', name: withoutCredentials(url) };
}

function imageGround({ reference, digest }: { reference: string; digest: Digest }): Ground {
  // `scratch` is not the name of an image in a registry.
  const name = reference === 'scratch' ? reference : shownName(reference);
  return { kind: 'image', name, digest };
}

/** The variables of a command that are not inherited unchanged from the base image. */
function ownVariables({ env }: RunStep, stage: PlannedStage): Record<string, string> {
  let { base } = stage;
  while (base.kind === 'stage') ({ base } = base.stage);
  const inherited = new Set(base.kind === 'image' ? (base.image.config.Env ?? []) : []);
  return Object.fromEntries(
    env
      .filter((pair) => !inherited.has(pair))
      .map((pair) => {
        const equals = pair.indexOf('=');
        return [pair.slice(0, equals), pair.slice(equals + 1)];
      }),
  );
}
