import { type Cause, causeKey, type Why } from '../events/cause.ts';
import type { Digest } from '../image/digest.ts';
import type { LayerIndex } from '../layer/layer-index.ts';
import type { Store } from '../store/store.ts';
import type { BuildRecord, BuildStep } from './build-record.ts';
import type { BuildStore } from './build-store.ts';
import { Comparison, type Known } from './comparison.ts';
import { explain } from './explain.ts';
import type { FileList } from './file-list.ts';
import { Masking } from './masking.ts';
import type { StepFacts } from './step-facts.ts';
import type { MissedStep } from './step-watch.ts';

/** More layers' indexes than these are not held. */
const HELD_INDEXES = 64;

/** Says of the steps of one build why they are carried out, and keeps what they read for later builds. */
export class StepExplainer {
  readonly #facts = new Map<Digest, StepFacts>();
  readonly #lists = new Map<Digest, FileList | undefined>();
  readonly #indexes = new Map<string, LayerIndex | undefined>();
  /** Which step has named a cause first. */
  readonly #named = new Map<string, string>();
  readonly #remade = new Map<Digest, Cause[]>();
  readonly #comparison: Comparison;
  readonly #masking: Masking;
  readonly #known: Known;
  #builds: BuildRecord[] | undefined;

  constructor(
    private readonly store: Store,
    private readonly builds: BuildStore,
    private readonly build: Pick<BuildRecord, 'id' | 'project' | 'steps'>,
    secrets: Iterable<string>,
  ) {
    this.#masking = new Masking(builds.key(), secrets);
    this.#known = {
      facts: (definition) => this.#factsOf(definition),
      files: (selection) => this.#list(selection),
      holds: (layer, path) => this.#holds(layer, path),
      remade: (definition) => this.#remade.get(definition),
    };
    this.#comparison = new Comparison(this.#known);
  }

  /** Why a step is not taken from the store, in this build. */
  explain(step: MissedStep): Why {
    const facts = this.#seen(step);
    const at = { stage: facts.stage, title: facts.title, line: facts.line };
    const why = step.noCache
      ? { causes: [noCacheCause(step, at)] }
      : explain(
          facts,
          {
            known: this.#known,
            comparison: this.#comparison,
            builds: () => this.#earlier(),
            planned: (stage) =>
              this.build.steps.filter((one) => one.stage === stage).map(({ title }) => title),
            wasPruned: (stage) => this.builds.prunedStages(this.build.project).includes(stage),
          },
          (before) => anew(step, before),
        );
    // Only now: it replaces what an earlier build has kept.
    this.#put(facts);
    if (!step.isElsewhere) this.#remade.set(facts.definition, why.causes);
    return this.#folded(step.id, why);
  }

  /** Keeps what a step read, now that its layer is there. */
  keep(step: Pick<MissedStep, 'facts' | 'lists'>): void {
    this.#put(this.#seen(step));
  }

  #put(facts: StepFacts): void {
    this.#facts.set(facts.definition, facts);
    this.builds.putFacts(facts);
  }

  /** What a step read, with secrets masked; its lists of files are kept. */
  #seen({ facts: told, lists }: Pick<MissedStep, 'facts' | 'lists'>): StepFacts {
    const masking = this.#masking.seeing(told.variables);
    const { env, ...instruction } = told.instruction;
    const facts: StepFacts = {
      ...told,
      title: masking.text(told.title),
      text: masking.json(told.text),
      instruction: {
        ...masking.json(instruction),
        // Its values are among the variables; this says whether the base brought others.
        ...(env === undefined ? {} : { env: masking.digest(JSON.stringify(env)) }),
      },
      observations: masked(told.observations, masking),
      variables: masking.values(told.variables),
      cwd: masking.text(told.cwd),
    };
    for (const [selection, list] of lists) {
      if (this.builds.hasFiles(selection)) continue;
      this.#lists.set(selection, list());
      this.builds.putFiles(selection, this.#lists.get(selection)!);
    }
    return facts;
  }

  /** Without causes that an earlier step has named, or as a consequence of that step where there are no others. */
  #folded(step: string, why: Why): Why {
    const isNamed = (cause: Cause) => {
      const by = this.#named.get(causeKey(cause));
      return by !== undefined && by !== step;
    };
    const fresh = why.causes.filter((cause) => !isNamed(cause));
    for (const cause of fresh) this.#named.set(causeKey(cause), step);
    const [first] = why.causes;
    if (fresh.length > 0 || first === undefined)
      return { ...why, causes: [...fresh, ...why.causes.filter(isNamed)], named: fresh.length };
    return { ...why, named: 0, follows: this.#named.get(causeKey(first))! };
  }

  *#earlier(): Iterable<BuildRecord> {
    if (this.#builds !== undefined) {
      yield* this.#builds;
      return;
    }
    const read: BuildRecord[] = [];
    for (const record of this.builds.of(this.build.project, this.build.id)) {
      read.push(record);
      yield record;
    }
    this.#builds = read;
  }

  /** What is on record of a step; of one that was made before there were builds on record, nothing. */
  #factsOf(definition: Digest): StepFacts | undefined {
    let facts = this.#facts.get(definition);
    if (facts === undefined) {
      facts = this.builds.facts(definition);
      if (facts !== undefined) this.#facts.set(definition, facts);
    }
    return facts;
  }

  #list(selection: Digest): FileList | undefined {
    if (!this.#lists.has(selection)) this.#lists.set(selection, this.builds.files(selection));
    return this.#lists.get(selection);
  }

  #holds(layer: string, path: string): boolean | undefined {
    if (!this.#indexes.has(layer)) {
      if (this.#indexes.size >= HELD_INDEXES) this.#indexes.clear();
      this.#indexes.set(layer, this.#index(layer));
    }
    return this.#indexes.get(layer) === undefined
      ? undefined
      : this.#indexes.get(layer)!.get(path) !== undefined;
  }

  #index(layer: string): LayerIndex | undefined {
    if (this.store.layers.record(layer) === undefined) return undefined;
    try {
      return this.store.layers.index(layer);
    } catch {
      // Damaged: whoever needs it makes it again.
      return undefined;
    }
  }
}

/** Observations have paths as names, too. */
function masked(observations: StepFacts['observations'], masking: Masking): StepFacts['observations'] {
  return JSON.parse(masking.json(JSON.stringify(observations))) as StepFacts['observations'];
}

function noCacheCause({ facts, noCache }: MissedStep, at: Cause['at']): Cause {
  return noCache === 'all'
    ? { kind: 'no-cache', name: '--no-cache', at }
    : { kind: 'no-cache-filter', name: `--no-cache-filter ${facts.stage}`, at };
}

/** Why a step is carried out that an earlier build had, or began, with all that it reads. */
function anew(
  { left, given }: MissedStep,
  { step }: { build: BuildRecord; step: BuildStep },
): Omit<Cause, 'at'> {
  if (step.outcome === 'failed') {
    const lacked = Object.entries(given).filter(([name, isThere]) => isThere && step.given?.[name] === false);
    const without = lacked.map(([name]) => ` without the ${name}`).join(' and');
    return { kind: 'failed', name: `it failed${without}` };
  }
  if (step.outcome === undefined || step.outcome === 'cancelled') {
    return { kind: 'failed', name: 'it did not finish' };
  }
  switch (left) {
    case 'nothing':
      return { kind: 'pruned', name: '' };
    case 'no-layer':
      return { kind: 'lost', name: '' };
    case 'unreadable':
      return { kind: 'isolation', name: '' };
  }
}
