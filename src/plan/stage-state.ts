import type { ArgInstruction, Heredoc, RunInstruction, Word } from '../dockerfile/ast.ts';
import type { RuleRunner } from '../dockerfile/checks/rule.ts';
import { type ExpandOptions, expand, expandWords } from '../dockerfile/expand.ts';
import { type ResolvedMount, resolveMount } from '../dockerfile/mount.ts';
import { findDidYouMean } from '../dockerfile/suggest.ts';
import { JettisonError, type Location } from '../errors/error.ts';
import type { RuntimeConfig } from '../image/types.ts';
import type { PlanSubjects } from './checks/define-plan-check.ts';
import type { PlannedHistory, PlannedStage, Step, StepScope } from './plan.ts';
import type { PlanBudget } from './plan-budget.ts';

/** A declared build argument; without a value it is known but unset. */
export interface DeclaredArg {
  name: string;
  value: string | undefined;
  instruction: ArgInstruction;
}

/** In characters. Linux passes at most a quarter of the stack limit to a program, usually 2 MiB. */
const MAX_ENVIRONMENT = 4 * 1024 * 1024;
/** Approximate bytes of a list's entry besides its text. */
const PAIR_COST = 8;
/** Approximate bytes of an inherited variable, which is in several maps. */
const INHERITED_COST = 32;
const MAX_SUGGESTIONS = 200;

/** The state of a stage while its instructions are planned in order. */
export class StageState {
  readonly steps: Step[] = [];
  readonly history: PlannedHistory[] = [];
  readonly scopes = new Map<string, StepScope>();
  /** Variables that the current instruction has used, with their values. */
  #named: Record<string, string> = {};
  readonly #inheritedArgs: number;
  /** Position of each variable in the config's `Env`. */
  readonly #envAt: Map<string, number>;
  /** The environment of a RUN as `name=value`, in the order of `variables`. */
  readonly #pairs: Map<string, string>;
  #pairsLength = 0;
  /** The names of `args`. */
  readonly #argNames: Set<string>;
  /** `args` as RUN's history shows them; undefined when the value of one has changed since. */
  #shownArgs: string | undefined;
  /** Members of the config that this stage may change in place. */
  readonly #own = new Set<string>();
  #suggestions = 0;
  /** Whether the base brought a SHELL. */
  readonly inheritsShell: boolean;
  /** Whether this stage itself has set CMD, so that ENTRYPOINT keeps it. */
  commandSet = false;
  /** Whether an instruction of the build has set the working directory. */
  workdirSet = false;
  /** Whether the working directory does not depend on the base image. */
  cwdKnown = false;
  /** The base image is not available (in checks only), and may set further variables. */
  baseUnknown = false;
  author?: string;
  #uncertain = false;
  /** Variables whose values depend on an unknown base. */
  readonly #unknown = new Set<string>();

  /** Inherits the parent stage's knowledge of an unknown base. */
  inheritUncertainty(parent: StageState): void {
    this.baseUnknown = parent.baseUnknown;
    for (const name of parent.#unknown) this.#unknown.add(name);
  }

  constructor(
    readonly stage: PlannedStage,
    readonly config: RuntimeConfig,
    /** ENV and ARG together: the later one wins, as in BuildKit. */
    readonly variables: Map<string, string>,
    /** In the order of their declaration, for RUN's history. */
    readonly args: DeclaredArg[],
    private readonly escapeCharacter: '\\' | '`',
    readonly rules: RuleRunner<PlanSubjects>,
    private readonly budget: PlanBudget,
    /** The base of this stage, if that is a stage. */
    parent?: StageState,
  ) {
    this.#inheritedArgs = args.length;
    if (parent !== undefined) {
      this.#argNames = new Set(parent.#argNames);
      this.#envAt = new Map(parent.#envAt);
      this.#pairs = new Map(parent.#pairs);
      this.#pairsLength = parent.#pairsLength;
    } else {
      this.#argNames = new Set(args.map(({ name }) => name));
      this.#envAt = positions(config.Env ?? []);
      this.#pairs = new Map();
      for (const [name, value] of variables) this.#setPair(name, value);
    }
    budget.spend(this.#pairsLength + INHERITED_COST * (variables.size + args.length));
    this.inheritsShell = (config.Shell?.length ?? 0) > 0;
  }

  /** Arguments that this stage itself declares. */
  ownArgs(): DeclaredArg[] {
    return this.args.slice(this.#inheritedArgs);
  }

  get cwd(): string {
    return this.config.WorkingDir || '/';
  }

  get shell(): string[] {
    return this.config.Shell?.length ? this.config.Shell : ['/bin/sh', '-c'];
  }

  /** The next step's id. Numbers count from 1; the base image of a stage has a number, too. */
  nextStepId(): string {
    const first = this.stage.base.kind === 'image' ? 2 : 1;
    return `${this.stage.name}/${this.steps.length + first}`;
  }

  /** Sets an environment variable of the config and of later instructions. */
  setEnv(name: string, value: string): void {
    this.config.Env ??= [];
    const env = this.config.Env;
    const at = this.#envAt.get(name);
    if (at === undefined) this.#envAt.set(name, env.push(`${name}=${value}`) - 1);
    else env[at] = `${name}=${value}`;
    this.#setVariable(name, value);
  }

  #setVariable(name: string, value: string): void {
    if (this.#argNames.has(name) && this.variables.get(name) !== value) this.#shownArgs = undefined;
    this.variables.set(name, value);
    if (this.#uncertain) this.#unknown.add(name);
    else this.#unknown.delete(name);
    this.#setPair(name, value);
  }

  #setPair(name: string, value: string): void {
    const pair = `${name}=${value}`;
    this.#pairsLength += pair.length - (this.#pairs.get(name)?.length ?? 0);
    this.#pairs.set(name, pair);
    if (this.#pairsLength <= MAX_ENVIRONMENT) return;
    throw new JettisonError(
      'ENVIRONMENT_TOO_LARGE',
      `the variables of stage ${this.stage.name} take more than ${MAX_ENVIRONMENT / 1024 / 1024} MiB`,
      { hint: 'Linux cannot start a program with so many: put large values into a file, and COPY it.' },
    );
  }

  /** Adds entries to a member of the config that is an object: LABEL, EXPOSE, VOLUME. */
  addTo<T>(member: 'Labels' | 'ExposedPorts' | 'Volumes', entries: Iterable<readonly [string, T]>): void {
    const config = this.config as Record<string, Record<string, T> | undefined>;
    if (!this.#own.has(member)) config[member] = { ...config[member] };
    this.#own.add(member);
    for (const [key, value] of entries) {
      // An assignment to "__proto__" would not add a member.
      Object.defineProperty(config[member], key, {
        value,
        configurable: true,
        enumerable: true,
        writable: true,
      });
    }
  }

  /** Adds a trigger to the config's `OnBuild`. */
  addTrigger(text: string): void {
    if (!this.#own.has('OnBuild')) this.config.OnBuild = [...(this.config.OnBuild ?? [])];
    this.#own.add('OnBuild');
    this.config.OnBuild!.push(text);
  }

  /** Declares a build argument for later instructions. */
  declare(name: string, value: string | undefined, instruction: ArgInstruction): void {
    this.args.push({ name, value, instruction });
    const isNew = !this.#argNames.has(name);
    if (value !== undefined) this.#setVariable(name, value);
    if (!isNew) return;
    this.#argNames.add(name);
    if (this.#shownArgs !== undefined) this.#shownArgs += this.#shownArg(name);
  }

  declares(name: string): boolean {
    return this.#argNames.has(name);
  }

  /**
   * The declared arguments as RUN's history shows them, each once, with the value that a RUN sees: `|2 A=1 B= `;
   * nothing without any.
   */
  shownArgs(): string {
    if (this.#argNames.size === 0) return '';
    // V8 strings that are appended to share their beginning, so one per RUN costs little.
    this.#shownArgs ??= [...this.#argNames].map((name) => this.#shownArg(name)).join('');
    this.budget.spend(this.#shownArgs.length);
    return `|${this.#argNames.size}${this.#shownArgs} `;
  }

  #shownArg(name: string): string {
    return ` ${name}=${this.variables.get(name) ?? ''}`;
  }

  /** The environment of a RUN (`K=V`): ENV and ARG, with the value that was set last. */
  environment(): string[] {
    this.budget.spend(this.#pairsLength + PAIR_COST * this.#pairs.size);
    return [...this.#pairs.values()];
  }

  /** Expands one word to one text. */
  text(word: Word): string {
    const { text, unset } = expand(word.text, this.#lookup, this.#options(word.location));
    this.#report(unset, word.location);
    return text;
  }

  /** Expands one word to any number of texts, which unquoted spaces separate. */
  list(word: Word): string[] {
    const { words, unset } = expandWords(word.text, this.#lookup, this.#options(word.location));
    this.#report(unset, word.location);
    return words;
  }

  /** The content of a heredoc. */
  document(heredoc: Heredoc): string {
    if (!heredoc.expand) return heredoc.body;
    const options: ExpandOptions = { ...this.#options(heredoc.location), mode: 'heredoc' };
    const { text, unset } = expand(heredoc.body, this.#lookup, options);
    this.#report(unset, heredoc.location);
    return text;
  }

  /** A --mount of RUN. */
  mount(flag: RunInstruction['mounts'][number]): ResolvedMount {
    return resolveMount(flag, this.#lookup, this.#options(flag.location));
  }

  /** Adds a history entry for an instruction. @param step the id of the step whose layer it describes */
  note(createdBy: string, { location, source }: { location: Location; source: string }, step?: string): void {
    this.history.push({ createdBy, location, source, ...(step !== undefined && { step }) });
  }

  /**
   * Applies an instruction. With an unknown base image, an instruction with a variable that only the base can set has
   * no known value, and is skipped without a finding.
   */
  carryOut(apply: () => void): void {
    this.#uncertain = false;
    this.#named = {};
    const { cwd } = this;
    const before = this.steps.length;
    try {
      apply();
      for (const { id } of this.steps.slice(before)) this.scopes.set(id, { variables: this.#named, cwd });
    } catch (error) {
      if (!this.isUncertain || !(error instanceof JettisonError) || error.code.endsWith('_TOO_LARGE'))
        throw error;
    }
  }

  /** Whether the current instruction has a value that depends on an unknown base. */
  get isUncertain(): boolean {
    return this.baseUnknown && this.#uncertain;
  }

  #name(name: string, value: string): void {
    // An assignment to "__proto__" would not set a member.
    Object.defineProperty(this.#named, name, { value, configurable: true, enumerable: true, writable: true });
  }

  readonly #lookup = (name: string): string | undefined => {
    const value = this.variables.get(name);
    if (value === undefined || this.#unknown.has(name)) this.#uncertain = true;
    else this.#name(name, value);
    return value;
  };

  #options(location: Location): ExpandOptions {
    return { escape: this.escapeCharacter, location };
  }

  #report(unset: string[], location: Location): void {
    if (this.baseUnknown) return;
    for (const name of unset) {
      // Declared without a value on purpose.
      if (this.#argNames.has(name)) continue;
      // Every variable is compared: after many warnings, suggestions stop.
      const suggestion =
        ++this.#suggestions > MAX_SUGGESTIONS ? undefined : findDidYouMean(name, this.variables.keys());
      this.rules.check('unset-variable', { name, location, suggestion });
    }
  }
}

/** The first position of each variable. */
function positions(env: readonly string[]): Map<string, number> {
  const at = new Map<string, number>();
  for (const [index, pair] of env.entries()) {
    const equals = pair.indexOf('=');
    const name = pair.slice(0, Math.max(equals, 0));
    if (equals >= 0 && !at.has(name)) at.set(name, index);
  }
  return at;
}
