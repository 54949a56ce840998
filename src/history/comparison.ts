import { byRank, type Cause, type CauseKind, causeKey } from '../events/cause.ts';
import type { Digest } from '../image/digest.ts';
import { align } from './align.ts';
import { differingPaths, type FileList, fileCauses } from './file-list.ts';
import { withIgnoreCauses } from './ignore-causes.ts';
import { dependsOnDirectory, instructionCauses } from './instruction-causes.ts';
import type { FilesRead, Ground, StepFacts } from './step-facts.ts';

/** What is on record of steps and of the files that they selected. */
export interface Known {
  facts(definition: Digest): StepFacts | undefined;
  files(selection: Digest): FileList | undefined;
  /** Whether a layer has a path; undefined when that is not known any more. */
  holds(layer: string, path: string): boolean | undefined;
  /** Why this build made a step anew though nothing differs for it; undefined where it did not. */
  remade?(definition: Digest): Cause[] | undefined;
}

/** What a stack of steps stands on, and its steps, lowest first. */
interface Stack {
  base: Ground;
  steps: StepFacts[];
}

/** More files than these are only counted, by whoever shows them. */
const MOST_STEPS = 2000;

/** Causes that are as likely another selection's. */
const SELECTED_KINDS: ReadonlySet<CauseKind> = new Set([
  ...(['file-new', 'file-gone', 'file-renamed', 'file-ignored', 'file-admitted'] as const),
]);

/**
 * Compares steps with what is on record of them, down to root causes: where a step reads what another step made, the
 * cause is what differs for that one.
 */
export class Comparison {
  readonly #known: Known;
  readonly #compared = new Map<string, Cause[]>();
  readonly #stacks = new Map<string, Stack | undefined>();

  constructor(known: Known) {
    this.#known = known;
  }

  /** The root causes for which a step is not what it was; none when all that it reads is the same. */
  causes(now: StepFacts, was: StepFacts): Cause[] {
    const pair = `${now.definition} ${was.definition}`;
    let causes = this.#compared.get(pair);
    if (causes === undefined) {
      // Stages do not read each other in circles; records that others made might.
      this.#compared.set(pair, []);
      causes = distinct(this.#compare(now, was)).sort(byRank);
      this.#compared.set(pair, causes);
    }
    return causes;
  }

  /** What differs of the layers below a step, whether it looks at them or not. */
  below(now: StepFacts, was: StepFacts): Cause[] {
    return distinct(this.#stack(now.below, was.below)).sort(byRank);
  }

  #compare(now: StepFacts, was: StepFacts): Cause[] {
    const at = placeOf(now);
    if (now.keyVersion !== was.keyVersion) return [{ kind: 'version', name: '', at }];
    const own = instructionCauses(now, was).map((cause): Cause => ({ ...cause, at }));
    const isOther = own.some(({ kind }) => kind === 'instruction');
    return [
      ...own,
      ...(dependsOnDirectory(now, was) ? this.#directory(now, was) : []),
      ...this.#files(now, was, isOther),
      ...this.#below(now, was, isOther),
    ];
  }

  /** Another working directory: the cause of the WORKDIR that set it, else of the base. */
  #directory(now: StepFacts, was: StepFacts): Cause[] {
    const inherited = this.#stack(now.below, was.below, ({ kind }) => kind === 'workdir');
    if (inherited.length > 0) return inherited;
    return [{ kind: 'flag', name: 'WORKDIR', now: now.cwd, was: was.cwd, at: placeOf(now) }];
  }

  #files(now: StepFacts, was: StepFacts, isOther: boolean): Cause[] {
    const byPlace = new Map(was.files.map((files, i) => [files.target ?? String(i), files]));
    return now.files.flatMap((files, i) => {
      const before = byPlace.get(files.target ?? String(i));
      return before === undefined || isSelectionEqual(now, was, files, before)
        ? []
        : this.#selection(files, before, placeOf(now), isOther);
    });
  }

  #selection(now: FilesRead, was: FilesRead, at: Cause['at'], isOther: boolean): Cause[] {
    const [list, listWas] = [now, was].map(({ selection }) => selection && this.#known.files(selection));
    if (now.from.kind !== was.from.kind) return [];
    switch (now.from.kind) {
      case 'image':
        return was.from.kind === 'image' && now.from.digest !== was.from.digest
          ? [imageCause(now.from, was.from, at)]
          : [];
      case 'step': {
        const { stage } = now.from;
        // The instruction reads something else: that is the cause, whatever the files are.
        if (isOther && was.from.kind === 'step' && was.from.stage !== stage) return [];
        const paths = list && listWas ? differingPaths(listWas, list) : undefined;
        const inherited = this.#stack(now.from, was.from, undefined, paths);
        if (inherited.length > 0 || isOther) return inherited;
        const place = `stage ${stage}`;
        return list && listWas
          ? fileCauses(listWas, list, { at, place })
          : [{ kind: 'file-changed', name: 'files', place, was: '0', now: '0', at }];
      }
      case 'remote': {
        const { name } = now.from;
        if (isOther) return [];
        return [{ kind: 'remote', name, at }];
      }
      default: {
        if (!list || !listWas) return [];
        const place = 'name' in now.from && now.from.name !== '' ? { place: `context ${now.from.name}` } : {};
        const causes = withIgnoreCauses(fileCauses(listWas, list, { at, ...place }), now.ignore, was.ignore);
        // Another selection comes with other files: only what both have says something by itself.
        return isOther
          ? causes.filter(({ kind, name }) => !SELECTED_KINDS.has(kind) && !name.startsWith('<<'))
          : causes;
      }
    }
  }

  /** What the layers below are, or say of the places that a step asked for. */
  #below(now: StepFacts, was: StepFacts, isOther: boolean): Cause[] {
    const at = placeOf(now);
    if (now.kind === 'run') {
      const isEqual = sameJson(now.observations['layers'], was.observations['layers']);
      // A base can be another one in its config alone.
      const isEnvEqual = sameJson(now.instruction['env'], was.instruction['env']);
      if (isEqual && isEnvEqual) return [];
      const inherited = this.#stack(now.below, was.below);
      return inherited.length > 0 || isEqual ? inherited : [{ kind: 'result', name: 'a step below', at }];
    }
    const causes: Cause[] = [];
    const [owner, ownerWas] = [now, was].map(({ observations }) => text(observations['owner']));
    if (owner !== ownerWas && owner !== undefined && ownerWas !== undefined) {
      const accounts = this.#stack(now.below, was.below, undefined, ['etc/passwd', 'etc/group']);
      const name = text(now.instruction['chown']) ?? text(now.instruction['user']) ?? '';
      const isSameSpec = name === (text(was.instruction['chown']) ?? text(was.instruction['user']) ?? '');
      if (accounts.length > 0) causes.push(...accounts);
      else if (isSameSpec) causes.push({ kind: 'account', name, now: owner, was: ownerWas, at });
    }
    if (isOther || !sameJson(now.instruction['destination'], was.instruction['destination'])) return causes;
    const [facts, factsWas] = [now, was].map(({ observations }) => texts(observations['below']));
    const paths = [...new Set([...Object.keys(facts!), ...Object.keys(factsWas!)])];
    for (const path of paths.filter((path) => facts![path] !== factsWas![path])) {
      const inherited = this.#stack(now.below, was.below, undefined, [path]);
      if (inherited.length > 0) causes.push(...inherited);
      else {
        causes.push({
          ...{ kind: 'below', name: `/${path}`, at },
          ...(facts![path] === undefined ? {} : { now: facts![path] }),
          ...(factsWas![path] === undefined ? {} : { was: factsWas![path] }),
        });
      }
    }
    return causes;
  }

  /**
   * The root causes for which a stack of layers is not what it was.
   *
   * @param counts which of its steps are looked at; default: all
   * @param paths only steps that made these count, as far as that is known
   */
  #stack(now: Ground, was: Ground, counts?: (step: StepFacts) => boolean, paths?: string[]): Cause[] {
    const [stack, stackWas] = [this.#stackOf(now), this.#stackOf(was)];
    if (stack === undefined || stackWas === undefined) return [];
    const first = stack.steps[0] ?? stackWas.steps[0];
    const base = counts === undefined ? baseCauses(stack.base, stackWas.base, first) : [];
    const pairs = align(
      stack.steps,
      stackWas.steps,
      (a, b) => a.text === b.text,
      (a, b) => a.kind === b.kind,
    );
    const causes: Cause[] = [];
    let isNarrowed = false;
    for (const { now: one, was: before } of pairs) {
      const step = one ?? before!;
      if (counts !== undefined && !counts(step)) continue;
      const found = this.#pair(one, before, stackWas.steps, stack.steps);
      if (found.length === 0) continue;
      const made = paths === undefined ? true : this.#touches([one, before], paths);
      if (made === false) {
        isNarrowed = true;
        continue;
      }
      causes.push(...found);
    }
    // A base that has nothing to do with a path that a step has made.
    return causes.length > 0 && paths !== undefined && !isNarrowed ? causes : [...base, ...causes];
  }

  #pair(
    now: StepFacts | undefined,
    was: StepFacts | undefined,
    allWas: readonly StepFacts[],
    all: readonly StepFacts[],
  ): Cause[] {
    if (now === undefined || was === undefined) {
      const step = (now ?? was)!;
      if (step.empty) return [];
      const at = placeOf(step);
      const isMoved = (now === undefined ? all : allWas).some(({ text }) => text === step.text);
      // It is told where it stands now.
      if (isMoved) return now === undefined ? [] : [{ kind: 'moved', name: step.title, at }];
      return [{ kind: now === undefined ? 'removed' : 'added', name: step.title, at }];
    }
    if (now.definition === was.definition) return this.#known.remade?.(now.definition) ?? [];
    if (now.content !== undefined && now.content === was.content) return [];
    const causes = this.causes(now, was);
    if (causes.length > 0) return causes;
    const isOther = now.content !== undefined && was.content !== undefined;
    return isOther ? [{ kind: 'result', name: now.title, at: placeOf(now) }] : [];
  }

  /** Whether one of these steps made one of these paths, or something on the way to it; undefined when unknown. */
  #touches(steps: readonly (StepFacts | undefined)[], paths: readonly string[]): boolean | undefined {
    let isKnown = true;
    for (const step of steps) {
      if (step === undefined) continue;
      for (const path of paths) {
        const found = step.layer === undefined ? undefined : this.#known.holds(step.layer, path);
        if (found) return true;
        if (found === undefined) isKnown = false;
      }
    }
    return isKnown ? false : undefined;
  }

  #stackOf(ground: Ground): Stack | undefined {
    const key = JSON.stringify(ground);
    if (!this.#stacks.has(key)) this.#stacks.set(key, this.#readStack(ground));
    return this.#stacks.get(key);
  }

  #readStack(ground: Ground): Stack | undefined {
    const steps: StepFacts[] = [];
    let base = ground;
    while (base.kind === 'step') {
      const facts = this.#known.facts(base.definition);
      if (facts === undefined || steps.length > MOST_STEPS) return undefined;
      steps.unshift(facts);
      base = facts.below;
    }
    return { base, steps };
  }
}

function placeOf({ stage, title, line }: StepFacts): Cause['at'] {
  return { stage, title, line };
}

function baseCauses(now: Ground, was: Ground, first: StepFacts | undefined): Cause[] {
  const at = { stage: first?.stage ?? '', title: 'FROM', line: first?.line ?? 0 };
  if (now.kind === 'image' && was.kind === 'image') {
    if (now.digest === was.digest) return [];
    return [imageCause(now, was, at)];
  }
  if (now.kind === was.kind) return [];
  return [{ kind: 'base', name: nameOf(now), now: nameOf(now), was: nameOf(was), at }];
}

function imageCause(
  now: Extract<Ground, { kind: 'image' }>,
  was: Extract<Ground, { kind: 'image' }>,
  at: Cause['at'],
): Cause {
  if (now.name === was.name) {
    return {
      kind: 'image',
      name: now.name,
      now: shortDigest(now.digest),
      was: shortDigest(was.digest),
      at,
    };
  }
  return { kind: 'base', name: now.name, now: now.name, was: was.name, at };
}

function nameOf(ground: Ground): string {
  return ground.kind === 'image' ? ground.name : ground.kind;
}

function shortDigest(digest: Digest): string {
  return digest.slice(0, 'sha256:'.length + 12);
}

function isSelectionEqual(now: StepFacts, was: StepFacts, files: FilesRead, before: FilesRead): boolean {
  if (now.kind === 'run') {
    if (sameJson(now.observations['mounts'], was.observations['mounts'])) return true;
  } else if (now.observations['selection'] === was.observations['selection']) return true;
  return files.selection !== undefined && files.selection === before.selection;
}

function distinct(causes: readonly Cause[]): Cause[] {
  return [...new Map(causes.map((cause) => [causeKey(cause), cause])).values()];
}

function sameJson(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function texts(value: unknown): Record<string, string> {
  return typeof value === 'object' && value !== null ? (value as Record<string, string>) : {};
}
