import type { Diagnostic, Dockerfile, Instruction, RunInstruction, StageText } from '../dockerfile/ast.ts';
import { type CheckId, inOrder } from '../dockerfile/checks.ts';
import { type Expansion, expand } from '../dockerfile/expand.ts';
import { filterDiagnostics } from '../dockerfile/file-checks.ts';
import { parseInstructions } from '../dockerfile/parse.ts';
import { closest } from '../errors/closest.ts';
import { JettisonError } from '../errors/error.ts';
import { placed } from '../errors/locate.ts';
import { digestOf } from '../image/digest.ts';
import { formatPlatform, matchPlatform, parsePlatform } from '../image/platform.ts';
import { canonicalName, parseReference } from '../image/reference.ts';
import type { Platform } from '../image/types.ts';
import { DEFAULT_PATH, isBuilderArg, isProxyArg, platformArgs } from './arguments.ts';
import { absoluteDestination, addBaseFiles, addCopyStep } from './copy-step.ts';
import { checkDefaultNames, checkFromPlatform, undeclaredArgs } from './from-checks.ts';
import { applyMetadata } from './metadata.ts';
import { contextName, type NamedContexts, shownName } from './named-contexts.ts';
import type { BaseImage, CopyFrom, Plan, PlannedStage, StageBase } from './plan.ts';
import { stageHint, stageOf, targetStage } from './references.ts';
import { mountFrom } from './run-mounts.ts';
import { addRunStep } from './run-step.ts';
import { type DeclaredArg, StageState } from './stage-state.ts';
import { oneLine } from './title.ts';

export interface PlanInput {
  dockerfile: Dockerfile;
  /** Name or number of the stage to build; else the last one. */
  target?: string;
  buildArgs: Record<string, string>;
  /** Added to the labels of the target. */
  labels: Record<string, string>;
  platform: Platform;
  buildPlatform: Platform;
  /** What RUN gets where it does not say. */
  network: 'host' | 'none';
  /** Whether RUN may ask for `--security=insecure`. */
  allowInsecure?: boolean;
  /** What `--build-context` gives. */
  contexts?: NamedContexts;
  /** The base images known so far, by `imageKey`. */
  images: ReadonlyMap<string, BaseImage>;
  /**
   * Plan for checking, not for building. Images that are `unavailable` count as empty, and what only they could
   * tell is left out. `everyStage`: not only what the target needs.
   */
  check?: { unavailable: ReadonlySet<string>; everyStage: boolean };
  /** What keeps a path of the context out of the build, e.g. `line 3 of .dockerignore`. */
  ignoredBy?: (path: string) => string | undefined;
}

/** A base image that planning has to know before it can go on. */
export interface ImageRequest {
  /** Canonical name. */
  reference: string;
  platform: Platform;
  /** The instruction that names it. */
  location: Instruction['location'];
  source: string;
  /** What else the name may have been meant for. */
  hint?: string;
}

/** `missing`: plan again when these images are known, too. They may turn out to need more (by ONBUILD). */
export type PlanResult =
  | { kind: 'missing'; images: ImageRequest[] }
  | { kind: 'plan'; plan: Plan; warnings: Diagnostic[]; args: DeclaredArg[] };

/** What an image is found by in `PlanInput.images`. */
export function imageKey(request: { reference: string; platform: Platform }): string {
  return `${request.reference} ${formatPlatform(request.platform)}`;
}

/**
 * Turns stages and base configs into the steps that the target needs. Pure: base images that it does not know
 * yet are asked for by returning them.
 *
 * @throws JettisonError for what Docker's builder refuses, at its place in the file
 */
export function planBuild(input: PlanInput): PlanResult {
  return new Planner(input).plan();
}

/** A stage's FROM, expanded: needed for all stages, since any of them may be named by a later one. */
interface Head {
  text: StageText;
  platform: Platform;
  base:
    | { kind: 'scratch' }
    | { kind: 'stage'; index: number }
    | { kind: 'image'; reference: string }
    | { kind: 'files'; name: string };
  /** A build context has the stage's name: its instructions do not count. */
  replaced: boolean;
}

class Planner {
  private readonly warnings: Diagnostic[] = [];
  private readonly missing = new Map<string, ImageRequest>();
  private readonly globals: Map<string, string | undefined>;
  private readonly target: StageText;
  private readonly heads: Head[];
  /** The texts of ONBUILD triggers, whose place is that of the FROM which runs them. */
  private readonly triggerTexts = new Map<Instruction, string>();
  /** What a finished stage hands to stages built on it. */
  private readonly states = new Map<number, StageState>();

  constructor(private readonly input: PlanInput) {
    this.target = targetStage(input.dockerfile, input.target);
    this.globals = this.readGlobals();
    const { stages, globals, directives } = input.dockerfile;
    const predefined = this.predefined();
    this.warnings.push(...checkDefaultNames(stages, globals, (name) => predefined[name], directives.escape));
    this.heads = input.dockerfile.stages.map((stage) => at(stage.from, () => this.readHead(stage)));
    this.checkUnusedArgs();
  }

  plan(): PlanResult {
    const targets = this.input.check?.everyStage
      ? this.heads.map(({ text }) => text.index)
      : [this.target.index];
    const needed = this.reachable(targets);
    const stages: PlannedStage[] = [];
    for (const head of this.heads) {
      if (!needed.has(head.text.index)) continue;
      const state = this.planStage(head, stages);
      if (state === undefined) continue;
      this.states.set(head.text.index, state);
      stages.push(state.stage);
    }
    if (this.missing.size > 0) return { kind: 'missing', images: [...this.missing.values()] };
    const target = this.states.get(this.target.index)!.stage;
    if (Object.keys(this.input.labels).length > 0) {
      target.config.Labels = { ...target.config.Labels, ...this.input.labels };
    }
    const args = [
      ...this.usedGlobals(needed),
      ...stages.flatMap(({ index }) => this.states.get(index)!.ownArgs()),
    ];
    return { kind: 'plan', plan: { stages, target }, warnings: this.allWarnings(needed), args };
  }

  /** Arguments before the first FROM that the FROM of a needed stage uses. */
  private usedGlobals(needed: Set<number>): DeclaredArg[] {
    const used = new Set<string>();
    for (const { text } of this.heads) {
      if (!needed.has(text.index)) continue;
      for (const word of [text.from.image, text.from.platform]) {
        if (word !== undefined) for (const name of this.expandGlobal(word, this.globals).used) used.add(name);
      }
    }
    return this.input.dockerfile.globals.flatMap((instruction) =>
      instruction.args
        .filter(({ name }) => used.has(name.text))
        .map(({ name }) => ({ name: name.text, value: this.globals.get(name.text), instruction })),
    );
  }

  /** What the text shows about the stages that are built, and what planning found, without what is skipped. */
  private allWarnings(needed: Set<number>): Diagnostic[] {
    const { diagnostics, checks, globals, stages } = this.input.dockerfile;
    const instructions = [...globals, ...stages.flatMap((stage) => [stage.from, ...stage.instructions])];
    const relevant = diagnostics.filter(({ stage, code }) => {
      if (stage === undefined) return true;
      if (!needed.has(stage)) return false;
      const state = this.states.get(stage);
      // A base with a SHELL of its own asked for that shell; one that is not known may have one.
      return code !== 'JSONArgsRecommended' || !(state?.inheritsShell || state?.baseUnknown);
    });
    return inOrder([...relevant, ...filterDiagnostics(this.warnings, checks, instructions)]);
  }

  /** ARGs before the first FROM, with the platform's arguments, which need no ARG there. */
  private predefined(): Record<string, string> {
    const { platform, buildPlatform } = this.input;
    return platformArgs(buildPlatform, platform, this.input.target ?? 'default');
  }

  private readGlobals(): Map<string, string | undefined> {
    const { dockerfile, buildArgs } = this.input;
    const scope = new Map<string, string | undefined>(
      Object.entries(this.predefined()).map(([name, value]) => [name, buildArgs[name] ?? value]),
    );
    for (const instruction of dockerfile.globals) {
      for (const { name, value } of instruction.args) {
        const given = buildArgs[name.text];
        scope.set(
          name.text,
          given ??
            (value === undefined
              ? scope.get(name.text)
              : at(instruction, () => this.expandGlobal(value, scope).text)),
        );
      }
    }
    return scope;
  }

  private expandGlobal(
    word: { text: string; location: Instruction['location'] },
    scope: Map<string, string | undefined>,
  ): Expansion {
    return expand(word.text, (name) => scope.get(name), {
      escape: this.input.dockerfile.directives.escape,
      location: word.location,
    });
  }

  /** A word of a FROM. */
  private expandFrom(word: { text: string; location: Instruction['location'] }): Expansion {
    const expansion = this.expandGlobal(word, this.globals);
    const declared = new Set(this.globals.keys());
    this.warnings.push(...undeclaredArgs(expansion, declared, word.location));
    return expansion;
  }

  private readHead(stage: StageText): Head {
    const { from } = stage;
    const name = this.expandFrom(from.image).text;
    if (name === '') {
      throw new JettisonError(
        'BASE_EMPTY',
        `the base image name "${from.image.text}" is empty after expansion`,
        {
          location: from.image.location,
          source: from.source,
          hint: 'Give the ARG a default before the first FROM, or pass --build-arg.',
        },
      );
    }
    const platform = this.headPlatform(stage);
    const own = stage.name === undefined ? undefined : this.contextBase(stage.name);
    const base = own ?? this.headBase(stage, name);
    return { text: stage, platform, base, replaced: own !== undefined };
  }

  /** What a build context of some name puts in the place of a base. */
  private contextBase(name: string): Head['base'] | undefined {
    const key = contextName(name);
    const context = this.input.contexts?.get(key);
    return context?.kind === 'files' ? { kind: 'files', name: key } : context;
  }

  private headBase({ from, index }: StageText, name: string): Head['base'] {
    const earlier = this.input.dockerfile.stages.slice(0, index).findLast((other) => other.name === name);
    if (earlier !== undefined) return { kind: 'stage', index: earlier.index };
    if (name === 'scratch') return { kind: 'scratch' };
    const context = this.contextBase(name);
    if (context !== undefined) return context;
    return { kind: 'image', reference: at(from, () => canonicalName(parseReference(name))) };
  }

  private headPlatform(stage: StageText): Platform {
    const { from } = stage;
    if (from.platform === undefined) return this.input.platform;
    const expansion = this.expandFrom(from.platform);
    const target = { platform: this.input.platform, text: this.globals.get('TARGETPLATFORM') ?? '' };
    this.warnings.push(...checkFromPlatform(stage, expansion, target));
    if (expansion.text === '') {
      throw new JettisonError(
        'PLATFORM_EMPTY',
        `the platform "${from.platform.text}" is empty after expansion`,
        {
          location: from.platform.location,
          source: from.source,
          hint: 'Leave out --platform, or give its argument a value.',
        },
      );
    }
    return at(from, () => parsePlatform(expansion.text, this.input.platform));
  }

  private checkUnusedArgs(): void {
    const { dockerfile, buildArgs } = this.input;
    const declared = new Set(this.globals.keys());
    for (const stage of dockerfile.stages) {
      for (const instruction of stage.instructions) {
        if (instruction.kind === 'ARG') for (const { name } of instruction.args) declared.add(name.text);
      }
    }
    for (const name of Object.keys(buildArgs)) {
      if (declared.has(name) || isBuilderArg(name)) continue;
      const near = closest(name, declared);
      this.warnings.push({
        code: 'UnusedBuildArg',
        message: `build argument ${name} is used by no ARG`,
        location: { file: dockerfile.file, line: 1, column: 1 },
        ...(near === undefined ? {} : { hint: `Did you mean ${near}?` }),
      });
    }
  }

  /** The stages that some stages need, themselves included: by FROM, by --from, by triggers of known bases. */
  private reachable(targets: number[]): Set<number> {
    const found = new Set<number>();
    const visit = (index: number) => {
      if (found.has(index)) return;
      found.add(index);
      const head = this.heads[index]!;
      if (head.base.kind === 'stage') visit(head.base.index);
      for (const instruction of this.instructions(head)) {
        for (const { name } of sourcesOf(instruction)) {
          const stage = stageOf(this.input.dockerfile, name, index, instruction);
          if (stage !== undefined) visit(stage);
        }
      }
    };
    for (const target of targets) visit(target);
    return found;
  }

  /** What a stage carries out: the triggers of its base first. */
  private instructions(head: Head): Exclude<Instruction, { kind: 'FROM' }>[] {
    return head.replaced ? [] : [...this.triggers(head), ...head.text.instructions];
  }

  /** The ONBUILD triggers that a stage runs first. */
  private triggers(head: Head): Exclude<Instruction, { kind: 'FROM' }>[] {
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
        this.triggerTexts.set(instruction, trigger);
        return instruction;
      }),
    );
  }

  /** Undefined when its base, or one of its sources, is not known yet. */
  private planStage(head: Head, before: PlannedStage[]): StageState | undefined {
    const base = this.stageBase(head);
    const parent = head.base.kind === 'stage' ? this.states.get(head.base.index) : undefined;
    // Images of --from are asked for even then, so that all are fetched at once.
    const instructions = this.instructions(head);
    const sources = new Map<SourceUser, CopyFrom>();
    let complete = base !== undefined;
    for (const instruction of instructions) {
      for (const { user, name } of sourcesOf(instruction)) {
        const from = this.sourceNamed(name, instruction, head);
        if (from === undefined) complete = false;
        else sources.set(user, from);
      }
    }
    if (!complete) return undefined;

    const { from, name: written, index } = head.text;
    const name = written ?? `stage-${index}`;
    const stage: PlannedStage = {
      index,
      name: before.some((other) => other.name === name) ? `${name}#${index}` : name,
      // What starts from nothing is for the platform that is built for, whatever FROM says.
      platform: base!.kind === 'scratch' ? this.input.platform : head.platform,
      base: base!,
      steps: [],
      config: {},
      history: [],
      location: from.location,
      source: from.source,
    };
    const config = baseConfig(base!);
    const variables = parent === undefined ? envVariables(config.Env ?? []) : new Map(parent.variables);
    const args: DeclaredArg[] = parent === undefined ? [] : [...parent.args];
    const escapeCharacter = this.input.dockerfile.directives.escape;
    const state = new StageState(stage, config, variables, args, escapeCharacter, (warning) =>
      this.warnings.push(warning),
    );
    state.workdirSet = parent?.workdirSet ?? false;
    state.baseUnknown = parent?.baseUnknown ?? this.isUnavailable(head);
    if (head.base.kind === 'files') addBaseFiles(state, head.base.name);
    for (const instruction of instructions) at(instruction, () => this.apply(state, instruction, sources));
    return finish(state, base!);
  }

  private stageBase(head: Head): StageBase | undefined {
    const { base, text } = head;
    if (base.kind === 'scratch' || base.kind === 'files') return { kind: 'scratch' };
    if (base.kind === 'stage') {
      const stage = this.states.get(base.index)?.stage;
      return stage === undefined ? undefined : { kind: 'stage', stage };
    }
    const hint = stageHint(this.input.dockerfile, text.from.image.text, text.index);
    const image = this.image({
      ...base,
      platform: head.platform,
      location: text.from.location,
      source: text.from.source,
      ...(hint === undefined ? {} : { hint }),
    });
    if (image !== undefined) this.checkBasePlatform(head, image);
    return image === undefined ? undefined : { kind: 'image', image };
  }

  private checkBasePlatform({ platform, text }: Head, image: BaseImage): void {
    if (matchPlatform(platform, image.platform) > 0) return;
    const wanted = formatPlatform(platform);
    this.warnings.push({
      code: 'InvalidBaseImagePlatform' satisfies CheckId,
      message: `The base image ${shownName(image.reference)} is for ${formatPlatform(image.platform)}, and the build for ${wanted}`,
      location: text.from.image.location,
      hint: `Use an image that there is for ${wanted}, or say with --platform what you mean.`,
    });
  }

  /** What a name in `--from` or in the `from=` of a mount stands for; undefined when it is not known yet. */
  private sourceNamed(
    name: string,
    instruction: Exclude<Instruction, { kind: 'FROM' }>,
    head: Head,
  ): CopyFrom | undefined {
    const index = stageOf(this.input.dockerfile, name, head.text.index, instruction);
    if (index !== undefined) {
      const stage = this.states.get(index)?.stage;
      return stage === undefined ? undefined : { kind: 'stage', stage };
    }
    if (name === 'scratch') {
      return { kind: 'image', image: emptyImage({ reference: name, platform: head.platform }) };
    }
    const { location, source } = instruction;
    const context = this.contextBase(name);
    if (context?.kind === 'files') return { kind: 'named', name: context.name };
    const reference =
      context?.kind === 'image'
        ? context.reference
        : at(instruction, () => canonicalName(parseReference(name)));
    const hint = stageHint(this.input.dockerfile, name, head.text.index);
    const image = this.image({
      reference,
      platform: head.platform,
      location,
      source,
      ...(hint === undefined ? {} : { hint }),
    });
    return image === undefined ? undefined : { kind: 'image', image };
  }

  private isUnavailable({ base, platform }: Head): boolean {
    if (base.kind !== 'image') return false;
    return this.input.check?.unavailable.has(imageKey({ ...base, platform })) ?? false;
  }

  private image(request: ImageRequest): BaseImage | undefined {
    const key = imageKey(request);
    if (this.input.check?.unavailable.has(key)) return emptyImage(request);
    const image = this.input.images.get(key);
    if (image === undefined && !this.missing.has(key)) this.missing.set(key, request);
    return image;
  }

  /** Proxy settings reach every RUN without an ARG; with one they are ordinary arguments. */
  private proxyEnv(state: StageState): string[] {
    return Object.entries(this.input.buildArgs)
      .filter(([name]) => isProxyArg(name) && !state.args.some((arg) => arg.name === name))
      .map(([name, value]) => `${name}=${value}`);
  }

  private apply(
    state: StageState,
    instruction: Exclude<Instruction, { kind: 'FROM' }>,
    sources: ReadonlyMap<SourceUser, CopyFrom>,
  ): void {
    const trigger = this.triggerTexts.get(instruction);
    const title = trigger === undefined ? oneLine(instruction.source) : `ONBUILD ${oneLine(trigger)}`;
    switch (instruction.kind) {
      case 'ARG': {
        // Unlike ENV's pairs, each argument sees those before it on its line.
        const shown = instruction.args.map((arg) => {
          const name = state.text(arg.name);
          const fallback = arg.value === undefined ? undefined : state.text(arg.value);
          const value = this.input.buildArgs[name] ?? fallback ?? this.globals.get(name);
          state.declare(name, value, instruction);
          state.checkSecret('ARG', { name, value }, instruction.location);
          return value === undefined ? name : `${name}=${value}`;
        });
        state.history.push({ createdBy: `ARG ${shown.join(' ')}` });
        return;
      }
      case 'WORKDIR':
        addWorkdir(state, instruction, title);
        return;
      case 'COPY':
      case 'ADD':
        addCopyStep(
          state,
          instruction,
          title,
          sources.get(instruction) ?? { kind: 'context' },
          this.input.ignoredBy,
        );
        return;
      case 'RUN':
        addRunStep(state, instruction, title, {
          network: this.input.network,
          hiddenEnv: this.proxyEnv(state),
          sources,
          allowInsecure: this.input.allowInsecure ?? this.input.check !== undefined,
        });
        return;
      default:
        applyMetadata(state, instruction);
    }
  }
}

function addWorkdir(
  state: StageState,
  instruction: Extract<Instruction, { kind: 'WORKDIR' | 'USER' | 'STOPSIGNAL' | 'MAINTAINER' }>,
  title: string,
): void {
  const written = state.text(instruction.value);
  if (!written.startsWith('/') && !state.workdirSet) {
    state.warn({
      code: 'WorkdirRelativePath' satisfies CheckId,
      message: `"${written}" is relative to the working directory of the base image, which another version of it may change`,
      location: instruction.location,
      hint: 'Set an absolute WORKDIR first.',
    });
  }
  state.workdirSet = true;
  // What was written absolutely is kept as it is.
  const directory = written.startsWith('/') ? written : clean(`${state.cwd}/${written}`);
  state.config.WorkingDir = directory;
  const path = clean(directory);
  if (path === '/') {
    state.history.push({ createdBy: `WORKDIR ${directory}` });
    return;
  }
  const id = state.nextStepId();
  const { location, source } = instruction;
  state.steps.push({ kind: 'workdir', id, title, location, source, path, user: state.config.User ?? '' });
  state.history.push({ createdBy: `WORKDIR ${directory}`, step: id });
}

function clean(path: string): string {
  return absoluteDestination('/', path).replace(/(.)\/$/, '$1');
}

/** What a stage starts from. Triggers have been taken out: they never reach a second generation. */
function baseConfig(base: StageBase): PlannedStage['config'] {
  if (base.kind === 'scratch') return { Env: [`PATH=${DEFAULT_PATH}`], WorkingDir: '/' };
  const { OnBuild: _, ...config } = base.kind === 'image' ? base.image.config : base.stage.config;
  // Instructions replace all members but this one, which they change.
  if (config.Env !== undefined) config.Env = [...config.Env];
  return { ...config, WorkingDir: config.WorkingDir || '/' };
}

/** Stands for an image that cannot be had. */
function emptyImage({ reference, platform }: Pick<ImageRequest, 'reference' | 'platform'>): BaseImage {
  return { reference, digest: digestOf(reference), platform, config: {}, history: [], layers: [] };
}

function onbuildTexts(stage: StageText): string[] {
  return stage.instructions.flatMap((instruction) =>
    instruction.kind === 'ONBUILD' ? [instruction.text] : [],
  );
}

function envVariables(env: string[]): Map<string, string> {
  return new Map(
    env.map((pair) => {
      const equals = pair.indexOf('=');
      return equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
    }),
  );
}

function finish(state: StageState, base: StageBase): StageState {
  const inherited =
    base.kind === 'image' ? base.image.author : base.kind === 'stage' ? base.stage.author : undefined;
  const author = state.author ?? inherited;
  Object.assign(state.stage, {
    steps: state.steps,
    config: state.config,
    history: state.history,
    ...(author === undefined ? {} : { author }),
  });
  return state;
}

/** What an instruction's or a mount's source is found by. */
type SourceUser = Instruction | RunInstruction['mounts'][number];

/** What an instruction takes from stages and images, by the names that it has for them. */
function sourcesOf(instruction: Instruction): { user: SourceUser; name: string }[] {
  switch (instruction.kind) {
    case 'COPY':
    case 'ADD':
      return instruction.from === undefined ? [] : [{ user: instruction, name: instruction.from.text }];
    case 'RUN':
      return instruction.mounts.flatMap((mount) => {
        const from = mountFrom(mount);
        return from === undefined ? [] : [{ user: mount, name: from.text }];
      });
    default:
      return [];
  }
}

/** Gives errors the place and the text of an instruction where they lack it. */
function at<T>(instruction: Instruction, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw placed(error, instruction);
  }
}
