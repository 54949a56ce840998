import type { ArgInstruction, Diagnostic, Heredoc, RunInstruction, Word } from '../dockerfile/ast.ts';
import { type CheckId, namesSecret } from '../dockerfile/checks.ts';
import { type ExpandOptions, expand, expandWords } from '../dockerfile/expand.ts';
import { type ResolvedMount, resolveMount } from '../dockerfile/mount.ts';
import { secretKind } from '../dockerfile/secret-values.ts';
import { findDidYouMean } from '../dockerfile/suggest.ts';
import type { Location } from '../errors/error.ts';
import type { RuntimeConfig } from '../image/types.ts';
import type { PlannedHistory, PlannedStage, Step } from './plan.ts';

/** A declared build argument; without a value it is known but unset. */
export interface DeclaredArg {
  name: string;
  value: string | undefined;
  instruction: ArgInstruction;
}

/** What instructions of a stage change, one after the other. */
export class StageState {
  readonly steps: Step[] = [];
  readonly history: PlannedHistory[] = [];
  private readonly inheritedArgs: number;
  /** Whether the base brought a SHELL. */
  readonly inheritsShell: boolean;
  /** Whether this stage itself has set CMD: then ENTRYPOINT leaves it alone. */
  commandSet = false;
  /** Whether an instruction of the build has set the working directory. */
  workdirSet = false;
  /** The base image could not be had (when checking only): what is not set here may be set there. */
  baseUnknown = false;
  author?: string;

  constructor(
    readonly stage: PlannedStage,
    readonly config: RuntimeConfig,
    /** ENV and ARG in one: what comes later wins, as in BuildKit. */
    readonly variables: Map<string, string>,
    /** In the order of their declaration, for RUN's history. */
    readonly args: DeclaredArg[],
    private readonly escapeCharacter: '\\' | '`',
    readonly warn: (diagnostic: Diagnostic) => void,
  ) {
    this.inheritedArgs = args.length;
    this.inheritsShell = (config.Shell?.length ?? 0) > 0;
  }

  /** Arguments that this stage itself declares. */
  ownArgs(): DeclaredArg[] {
    return this.args.slice(this.inheritedArgs);
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
    const at = env.findIndex((pair) => pair.startsWith(`${name}=`));
    if (at < 0) env.push(`${name}=${value}`);
    else env[at] = `${name}=${value}`;
    this.variables.set(name, value);
  }

  /** Declares a build argument for later instructions. */
  declare(name: string, value: string | undefined, instruction: ArgInstruction): void {
    this.args.push({ name, value, instruction });
    if (value !== undefined) this.variables.set(name, value);
  }

  /** The declared arguments as history shows them: each once, with the value that a RUN sees. */
  shownArgs(): { name: string; value: string | undefined }[] {
    const names = new Set(this.args.map(({ name }) => name));
    return [...names].map((name) => ({ name, value: this.variables.get(name) }));
  }

  /** The environment of a RUN: the config's, then arguments that are no ENV, or came after it. */
  environment(): string[] {
    return [...this.variables].map(([name, value]) => `${name}=${value}`);
  }

  /** Expands one word to one text. */
  text(word: Word): string {
    const { text, unset } = expand(word.text, this.lookup, this.options(word.location));
    this.report(unset, word.location);
    return text;
  }

  /** Expands one word to any number of texts: blanks that are not quoted separate them. */
  list(word: Word): string[] {
    const { words, unset } = expandWords(word.text, this.lookup, this.options(word.location));
    this.report(unset, word.location);
    return words;
  }

  /** The content of a heredoc. */
  document(heredoc: Heredoc): string {
    if (!heredoc.expand) return heredoc.body;
    const options: ExpandOptions = { ...this.options(heredoc.location), mode: 'heredoc' };
    const { text, unset } = expand(heredoc.body, this.lookup, options);
    this.report(unset, heredoc.location);
    return text;
  }

  /** A --mount of RUN. */
  mount(flag: RunInstruction['mounts'][number]): ResolvedMount {
    return resolveMount(flag, this.lookup, this.options(flag.location));
  }

  private readonly lookup = (name: string): string | undefined => this.variables.get(name);

  private options(location: Location): ExpandOptions {
    return { escape: this.escapeCharacter, location };
  }

  /** Warns when a variable is a secret by its name or its value; the value is not shown. */
  checkSecret(
    instruction: 'ARG' | 'ENV',
    { name, value = '' }: { name: string; value: string | undefined },
    location: Location,
  ): void {
    const kind = namesSecret(name) ? 'a secret' : secretKind(value);
    if (kind === undefined) return;
    const what = kind === 'a secret' ? name : `The value of ${name}`;
    this.warn({
      code: 'SecretsUsedInArgOrEnv' satisfies CheckId,
      message: `${what} looks like ${kind}, and ${instruction} leaves ${kind === 'a secret' ? 'its value' : 'it'} in the image`,
      location,
      hint: 'Use RUN --mount=type=secret.',
    });
  }

  private report(unset: string[], location: Location): void {
    if (this.baseUnknown) return;
    for (const name of unset) {
      // Declared without a value on purpose.
      if (this.args.some((arg) => arg.name === name)) continue;
      const near = findDidYouMean(name, this.variables.keys());
      this.warn({
        code: 'UndefinedVar' satisfies CheckId,
        message: `The variable ${name} is used here, but nothing sets it`,
        location,
        hint: near === undefined ? `Set it with ARG or ENV before.` : `Did you mean $${near}?`,
      });
    }
  }
}
