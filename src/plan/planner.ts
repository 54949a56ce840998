import type { Diagnostic, Instruction, StageText } from '../dockerfile/ast.ts';
import { instructionsOf, withoutSkipped } from '../dockerfile/checks/check-text.ts';
import { inOrder, RuleRunner } from '../dockerfile/checks/rule.ts';
import { parseInstructions } from '../dockerfile/parse.ts';
import { at } from '../errors/locate.ts';
import { withoutCredentials } from '../errors/safe-text.ts';
import { envVariables } from '../image/config-values.ts';
import { canonicalName, parseReference } from '../image/reference.ts';
import { applyInstruction } from './apply.ts';
import { baseConfig, emptyImage, finish, onbuildTexts } from './base-config.ts';
import type { PlanSubjects } from './checks/define-plan-check.ts';
import { PLAN_RULES, RULES } from './checks/plan-rules.ts';
import { addBaseFiles } from './copy-step.ts';
import { type Head, Heads } from './heads.ts';
import { type ImageRequest, imageKey, type PlanInput, type PlanResult } from './input.ts';
import type { BaseImage, CopyFrom, PlannedStage, StageBase } from './plan.ts';
import { PlanBudget } from './plan-budget.ts';
import { StageNames, stageHint, stageOf, targetStage } from './references.ts';
import { type SourceUser, sourcesOf } from './sources.ts';
import { type DeclaredArg, StageState } from './stage-state.ts';

/**
 * Turns stages and base configs into the steps that the target needs. It does no I/O: unknown base images are returned,
 * and the caller plans again with them.
 *
 * @throws JettisonError for errors that Docker's builder rejects, with their location
 */
export function planBuild(input: PlanInput): PlanResult {
  const planning = new Planner(input).plan();
  for (;;) {
    const { done, value } = planning.next();
    if (done) return value;
  }
}

/** Like `planBuild`, but yields to the event loop, so that signals are handled while a long file is planned. */
export async function planInTurns(input: PlanInput, signal?: AbortSignal): Promise<PlanResult> {
  const planning = new Planner(input).plan();
  let turn = Date.now();
  for (;;) {
    const { done, value } = planning.next();
    if (done) return value;
    if (Date.now() - turn < TURN_MS) continue;
    await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
    turn = Date.now();
  }
}

const TURN_MS = 50;

class Planner {
  readonly #warnings: Diagnostic[] = [];
  readonly #rules: RuleRunner<PlanSubjects>;
  readonly #missing = new Map<string, ImageRequest>();
  readonly #target: StageText;
  readonly #heads: Heads;
  /** Texts of ONBUILD triggers, whose location is that of the FROM that runs them. */
  readonly #triggerTexts = new Map<Instruction, string>();
  /** The finished states, for stages built on them. */
  readonly #states = new Map<number, StageState>();
  readonly #budget = new PlanBudget();
  readonly #names: StageNames;
  /** Names of the stages planned so far. */
  readonly #taken = new Set<string>();

  constructor(private readonly input: PlanInput) {
    this.#target = targetStage(input.dockerfile, input.target);
    this.#names = new StageNames(input.dockerfile);
    const warn = (warning: Diagnostic) => this.#warnings.push(warning);
    this.#rules = new RuleRunner(PLAN_RULES, input.dockerfile.checks, warn);
    this.#heads = new Heads(input, this.#rules, warn, this.#names);
  }

  /** Pauses after each instruction. */
  *plan(): Generator<undefined, PlanResult> {
    try {
      return yield* this.#planAll();
    } catch (error) {
      this.input.check?.onFailure?.(this.#warningsBefore());
      throw error;
    }
  }

  *#planAll(): Generator<undefined, PlanResult> {
    const targets = this.input.check?.everyStage
      ? this.#heads.all.map(({ text }) => text.index)
      : [this.#target.index];
    const needed = this.#reachable(targets);
    const stages: PlannedStage[] = [];
    for (const head of this.#heads.all) {
      if (!needed.has(head.text.index)) continue;
      const state = yield* this.#planStage(head);
      yield;
      if (state === undefined) continue;
      this.#states.set(head.text.index, state);
      stages.push(state.stage);
    }
    if (this.#missing.size > 0) return { kind: 'missing', images: [...this.#missing.values()] };
    const target = this.#states.get(this.#target.index)!.stage;
    if (Object.keys(this.input.labels).length > 0) {
      target.config.Labels = { ...target.config.Labels, ...this.input.labels };
    }
    const args = [
      ...this.#heads.used(needed),
      ...stages.flatMap(({ index }) => this.#states.get(index)!.ownArgs()),
    ];
    return { kind: 'plan', plan: { stages, target }, warnings: this.#allWarnings(needed), args };
  }

  /** The findings up to the point where planning failed. */
  #warningsBefore(): Diagnostic[] {
    return this.#allWarnings(new Set(this.input.dockerfile.stages.map(({ index }) => index)));
  }

  /** Findings about the text of the needed stages, and about the plan, without skipped ones. */
  #allWarnings(needed: Set<number>): Diagnostic[] {
    const { dockerfile } = this.input;
    const relevant = dockerfile.diagnostics.filter(({ stage, code }) => {
      if (stage === undefined) return true;
      if (!needed.has(stage)) return false;
      const state = this.#states.get(stage);
      // A base image with a SHELL chose that shell; an unknown one may have one.
      return !RULES.get(code)?.assumesDefaultShell || !(state?.inheritsShell || state?.baseUnknown);
    });
    const planned = withoutSkipped(this.#warnings, dockerfile.checks, instructionsOf(dockerfile));
    return inOrder([...relevant, ...planned]);
  }

  /** Indexes of `targets` and of all stages that they need by FROM, --from and the triggers of known bases. */
  #reachable(targets: number[]): Set<number> {
    const found = new Set<number>(targets);
    // The iteration includes indexes that are added during it.
    for (const index of found) {
      const head = this.#heads.all[index]!;
      if (head.base.kind === 'stage') found.add(head.base.index);
      for (const instruction of this.#instructions(head)) {
        for (const { name } of sourcesOf(instruction)) {
          const stage = stageOf(this.#names, name, index, instruction);
          if (stage !== undefined) found.add(stage);
        }
      }
    }
    return found;
  }

  /** The instructions of a stage: the triggers of its base first. */
  #instructions(head: Head): Exclude<Instruction, { kind: 'FROM' }>[] {
    return head.replaced ? [] : [...this.#triggers(head), ...head.text.instructions];
  }

  /** The ONBUILD triggers that a stage runs first. */
  #triggers(head: Head): Exclude<Instruction, { kind: 'FROM' }>[] {
    const { base, text } = head;
    if (base.kind === 'scratch' || base.kind === 'files') return [];
    const texts =
      base.kind === 'image'
        ? this.input.images.get(imageKey({ ...base, platform: head.platform }))?.config.OnBuild
        : onbuildTexts(this.input.dockerfile.stages[base.index]!);
    const { location, source } = text.from;
    const origin = { location, source };
    return (texts ?? []).flatMap((trigger) =>
      parseInstructions(trigger, origin).map((instruction) => {
        this.#triggerTexts.set(instruction, trigger);
        return instruction;
      }),
    );
  }

  /** Undefined while its base, or one of its sources, is unknown. */
  *#planStage(head: Head): Generator<undefined, StageState | undefined> {
    const base = this.#stageBase(head);
    const parent = head.base.kind === 'stage' ? this.#states.get(head.base.index) : undefined;
    // Images of --from are requested even if the base is unknown, so that all are fetched at once.
    const instructions = this.#instructions(head);
    const sources = new Map<SourceUser, CopyFrom>();
    let complete = base !== undefined;
    for (const instruction of instructions) {
      for (const { user, name } of sourcesOf(instruction)) {
        const from = this.#sourceNamed(name, instruction, head);
        if (from === undefined) complete = false;
        else sources.set(user, from);
      }
    }
    if (!complete) return undefined;

    const { from, name: written, index } = head.text;
    const name = written ?? `stage-${index}`;
    const stage: PlannedStage = {
      index,
      name: this.#taken.has(name) ? `${name}#${index}` : name,
      // A stage from scratch has the build's platform; --platform has no effect.
      platform: base!.kind === 'scratch' ? this.input.platform : head.platform,
      base: base!,
      steps: [],
      config: {},
      history: [],
      scopes: new Map(),
      args: [],
      location: from.location,
      source: from.source,
    };
    this.#taken.add(stage.name);
    const config = baseConfig(base!);
    const variables = parent === undefined ? envVariables(config.Env ?? []) : new Map(parent.variables);
    const args: DeclaredArg[] = parent === undefined ? [] : [...parent.args];
    const escapeCharacter = this.input.dockerfile.directives.escape;
    const state = at(
      from,
      () =>
        new StageState(stage, config, variables, args, escapeCharacter, this.#rules, this.#budget, parent),
    );
    state.workdirSet = parent?.workdirSet ?? false;
    state.cwdKnown = parent?.cwdKnown ?? false;
    if (parent === undefined) state.baseUnknown = this.#isUnavailable(head);
    else state.inheritUncertainty(parent);
    if (head.base.kind === 'files') addBaseFiles(state, head.base.name);
    const environment = { input: this.input, globals: this.#heads.globals, sources };
    for (const instruction of instructions) {
      at(instruction, () =>
        state.carryOut(() => applyInstruction(state, instruction, this.#titleOf(instruction), environment)),
      );
      yield;
    }
    return finish(state, base!);
  }

  #titleOf(instruction: Instruction): string {
    const trigger = this.#triggerTexts.get(instruction);
    const title = trigger === undefined ? oneLine(instruction.source) : `ONBUILD ${oneLine(trigger)}`;
    // Titles appear in events, records and shared caches.
    return withoutCredentials(title);
  }

  #stageBase(head: Head): StageBase | undefined {
    const { base, text } = head;
    if (base.kind === 'scratch' || base.kind === 'files') return { kind: 'scratch' };
    if (base.kind === 'stage') {
      const stage = this.#states.get(base.index)?.stage;
      return stage === undefined ? undefined : { kind: 'stage', stage };
    }
    const hint = stageHint(this.input.dockerfile, text.from.image.text, text.index);
    const image = this.#image({
      ...base,
      platform: head.platform,
      location: text.from.location,
      source: text.from.source,
      ...(hint === undefined ? {} : { hint }),
    });
    if (image === undefined) return undefined;
    this.#rules.check('base', { image, platform: head.platform, location: text.from.image.location });
    return { kind: 'image', image };
  }

  /** The source named by `--from` or by the `from=` of a mount; undefined while it is unknown. */
  #sourceNamed(
    name: string,
    instruction: Exclude<Instruction, { kind: 'FROM' }>,
    head: Head,
  ): CopyFrom | undefined {
    const index = stageOf(this.#names, name, head.text.index, instruction);
    if (index !== undefined) {
      const stage = this.#states.get(index)?.stage;
      return stage === undefined ? undefined : { kind: 'stage', stage };
    }
    const { location, source } = instruction;
    const context = this.#heads.contextBase(name);
    if (name === 'scratch' || context?.kind === 'scratch') {
      return { kind: 'image', image: emptyImage({ reference: 'scratch', platform: head.platform }) };
    }
    if (context?.kind === 'files') return { kind: 'named', name: context.name };
    const reference =
      context?.kind === 'image'
        ? context.reference
        : at(instruction, () => canonicalName(parseReference(name)));
    const hint = stageHint(this.input.dockerfile, name, head.text.index);
    const image = this.#image({
      reference,
      platform: head.platform,
      location,
      source,
      ...(hint === undefined ? {} : { hint }),
    });
    return image === undefined ? undefined : { kind: 'image', image };
  }

  #isUnavailable({ base, platform }: Head): boolean {
    if (base.kind !== 'image') return false;
    return this.input.check?.unavailable.has(imageKey({ ...base, platform })) ?? false;
  }

  #image(request: ImageRequest): BaseImage | undefined {
    const key = imageKey(request);
    if (this.input.check?.unavailable.has(key)) return emptyImage(request);
    const image = this.input.images.get(key);
    if (image === undefined && !this.#missing.has(key)) this.#missing.set(key, request);
    return image;
  }
}

/** An instruction in one line, for progress: continuations joined, without a heredoc's body. */
function oneLine(source: string): string {
  const heredoc = /<<-?["']?\w/.test(source.split('\n', 1)[0] ?? '');
  const text = heredoc ? source.split('\n', 1)[0]! : source;
  return text
    .split('\n')
    .filter((line) => !/^\s*#/.test(line))
    .join('\n')
    .replace(/[\\`][ \t]*\n\s*/g, '')
    .replace(/\s+/g, ' ')
    .trim();
}
