import { realpathSync } from 'node:fs';
import { basename, dirname, relative, resolve, sep } from 'node:path';
import { contextSource } from '../context/context-source.ts';
import { type DockerfileText, readDockerfile } from '../context/dockerfile.ts';
import { type IgnoreRules, rulesOf } from '../context/ignore.ts';
import { checkContext } from '../context/local.ts';
import type { Dockerfile } from '../dockerfile/ast.ts';
import { EXIT, JettisonError } from '../errors/error.ts';
import { type CommitContext, CommitContexts, type GitFolder } from '../forecast/commit-context.ts';
import { fileAt, type PastCommit, type PastCommits, pastCommits } from '../forecast/past-commits.ts';
import type { Records } from '../forecast/proposals/proposal.ts';
import type { StepTime } from '../forecast/rebuild-time.ts';
import { instructionDigests, Replay } from '../forecast/replay.ts';
import { type CommitBuild, type Forecast, summarize } from '../forecast/run-counts.ts';
import { Repository } from '../git/git-repository.ts';
import { HostFiles } from '../git/host-files.ts';
import { BuildStore } from '../history/build-store.ts';
import { type Digest, digestOf } from '../image/digest.ts';
import type { LayerIndex } from '../layer/layer-index.ts';
import { MergedTree } from '../layer/merged-tree.ts';
import { nameOfBytes } from '../layer/names.ts';
import type { Tree } from '../layer/tree.ts';
import { type ImageRequest, imageKey } from '../plan/input.ts';
import { shownName } from '../plan/named-contexts.ts';
import type { BaseImage, Plan, Step } from '../plan/plan.ts';
import { planInTurns } from '../plan/planner.ts';
import { layerId } from '../store/layers.ts';
import { openStore, type Store } from '../store/store.ts';
import { AvailableBases } from './available-bases.ts';
import { placesOf } from './build-recorder.ts';
import { type PlanOptions, parseForBuild, planInput, readNamedContexts } from './planning.ts';
import { recordedTimes } from './recorded-times.ts';

export interface ForecastOptions extends PlanOptions {
  /** A directory of a git repository. */
  context: string;
  /** As for `build`. */
  file?: string;
  stdin?: AsyncIterable<Uint8Array | string>;
  contexts?: Record<string, string>;
  /** Number of commits to replay; default: 100. */
  commits?: number;
  /** Replays only commits since this time: seconds since 1970. */
  since?: number;
  /** A branch, tag or commit; default: HEAD. */
  branch?: string;
  /** Replays each commit with its own Dockerfile and ignore file, not with those of today. */
  asCommitted?: boolean;
  /** Ids of the proposals to try; default: all. */
  only?: string[];
  home?: string;
  env?: NodeJS.ProcessEnv;
  signal?: AbortSignal;
}

/** The forecast of a Dockerfile from a history. */
export interface HistoryForecast extends Forecast {
  dockerfile: string;
  branch?: string;
  from?: { commit: string; time: number };
  to: { commit: string; time: number };
  /** The clone is shallow: there are no older commits. */
  isCutShort: boolean;
  /** Names of base images that are not available, whose config is unknown. */
  unavailable: string[];
}

const DEFAULT_COMMITS = 100;

/** How a commit is built: a plan, and the ignore rules. */
export interface Recipe {
  dockerfile: Dockerfile;
  plan: Plan;
  ignore: IgnoreRules;
  unavailable: string[];
}

export async function openHistory(options: ForecastOptions): Promise<OpenedHistory> {
  const source = contextSource(options.context);
  if (source.kind !== 'directory') {
    throw new JettisonError('GIT_MISSING', `"${options.context}" is not a directory`, {
      hint: 'A forecast needs a directory of a git repository.',
      exitCode: EXIT.usage,
    });
  }
  checkContext(source.path);
  const text = await readDockerfile({
    directory: source.path,
    ...(options.file === undefined ? {} : { file: options.file }),
    ...(options.stdin === undefined ? {} : { stdin: options.stdin }),
  });
  const files = new HostFiles();
  try {
    const directory = realpathSync(source.path);
    const repository = Repository.of(files, directory, options.context);
    const path = repository.pathOf(directory);
    const past = pastCommits(repository, {
      path,
      most: options.commits ?? DEFAULT_COMMITS,
      ...(options.branch === undefined ? {} : { branch: options.branch }),
      ...(options.since === undefined ? {} : { since: options.since }),
    });
    const gitFolder: GitFolder =
      path !== '' ? 'none' : files.isDirectory(`${directory}/.git`) ? 'directory' : 'file';
    return new OpenedHistory(options, { files, repository, past, gitFolder, path, directory, text });
  } catch (error) {
    files.close();
    throw error;
  }
}

interface HistoryParts {
  files: HostFiles;
  repository: Repository;
  past: PastCommits;
  gitFolder: GitFolder;
  /** The context in the repository. */
  path: string;
  /** The context on this machine. */
  directory: string;
  text: DockerfileText;
}

/** A history with all that its replays have in common. */
export class OpenedHistory {
  readonly text: DockerfileText;
  readonly past: PastCommits;
  readonly #store: Store;
  readonly #bases: AvailableBases;
  readonly #images = new Map<string, BaseImage>();
  /** By id of a layer that a step made; undefined where it is not here any more. */
  readonly #indexes = new Map<string, LayerIndex | undefined>();
  readonly #missing = new Map<string, string>();
  readonly #rules = new Map<string, IgnoreRules>();
  readonly #contexts = new Map<IgnoreRules, CommitContexts>();
  readonly #recipes = new Map<string, Promise<Recipe | JettisonError>>();
  readonly #instructions = instructionDigests(0, { hosts: [], ulimits: [] });
  readonly #trees = new Map<Digest, Tree | undefined>();
  #written?: Map<string, string>;
  #times?: StepTime;

  constructor(
    private readonly options: ForecastOptions,
    private readonly parts: HistoryParts,
  ) {
    this.text = parts.text;
    this.past = parts.past;
    const env = options.env ?? process.env;
    this.#store = openStore({ env, ...(options.home === undefined ? {} : { home: options.home }) });
    this.#bases = new AvailableBases(this.#store, env, options.signal);
  }

  /** Today's Dockerfile and ignore file. */
  today(): Promise<Recipe> {
    const { ignoreText, ignoreName } = this.text;
    return this.recipe(this.text, ignoreText, ignoreName);
  }

  /** @throws JettisonError for the errors that stop a build of this text */
  async recipe(
    { text, name }: { text: string; name: string },
    ignoreText: string | undefined,
    ignoreName = '.dockerignore',
  ): Promise<Recipe> {
    const ignore = this.#ignoreRules(ignoreText, ignoreName);
    const dockerfile = parseForBuild({ text, name }, this.options.buildArgs);
    const input = {
      ...planInput(this.options, dockerfile),
      contexts: readNamedContexts(this.options.contexts).contexts,
    };
    for (;;) {
      const unavailable = new Set(this.#missing.keys());
      const check = { unavailable, everyStage: false };
      const planned = await planInTurns({ ...input, images: this.#images, check }, this.options.signal);
      if (planned.kind === 'plan') {
        return { dockerfile, plan: planned.plan, ignore, unavailable: [...new Set(this.#missing.values())] };
      }
      for (const request of planned.images) await this.#resolve(request);
    }
  }

  /** Replays all commits, and counts. @param today how commits are built; its instructions are counted */
  async forecast(today: Recipe): Promise<HistoryForecast> {
    const { commits, branch, isCutShort } = this.past;
    const builds = await this.replay(today);
    const last = commits.at(-1)!;
    return {
      dockerfile: this.text.name,
      ...(branch === undefined ? {} : { branch }),
      ...(commits.length < 2 ? {} : { from: { commit: commits[1]!.id, time: commits[1]!.time } }),
      to: { commit: last.id, time: last.time },
      isCutShort,
      unavailable: today.unavailable,
      ...summarize(today.plan, builds, this.#stepTime()),
    };
  }

  /** The builds of all commits, oldest first; the first one fills the store. */
  async replay(today: Recipe): Promise<CommitBuild[]> {
    const settings = {
      baseTree: (image: BaseImage) => this.#baseTree(image),
      written: (step: Step) => this.#writtenBy(step),
      instruction: this.#instructions,
    };
    const changed = new Replay({ ...settings, outputs: 'changed' });
    const same = new Replay({ ...settings, outputs: 'same' });
    const builds: CommitBuild[] = [];
    let turn = Date.now();
    for (const commit of this.past.commits) {
      const recipe = this.options.asCommitted ? await this.#recipeOf(commit) : today;
      if (recipe instanceof JettisonError) {
        const context = this.#contextOf(today.ignore).at(commit.id, commit.context);
        const failed = { context, plan: today.plan, steps: new Map(), reads: new Map(), error: recipe };
        builds.push({ commit: commit.id, changed: failed, same: failed });
        continue;
      }
      const context = this.#contextOf(recipe.ignore).at(commit.id, commit.context);
      builds.push({
        commit: commit.id,
        changed: await changed.build(recipe.plan, context),
        same: await same.build(recipe.plan, context),
      });
      if (Date.now() - turn < TURN_MS) continue;
      await new Promise((resolve) => setImmediate(resolve));
      this.options.signal?.throwIfAborted();
      turn = Date.now();
    }
    return builds;
  }

  /** What the builds on record of this Dockerfile took and wrote. */
  records(): Records {
    return {
      time: this.#stepTime(),
      written: (step) => this.#writtenBy(step),
      base: (image) => this.#baseTree(image),
    };
  }

  /** Times of the builds of this Dockerfile that are on record. */
  #stepTime(): StepTime {
    this.#times ??= recordedTimes(new BuildStore(this.#store.layout).of(placesOf(this.options).project));
    return this.#times;
  }

  /** The context at the latest commit. */
  latest(recipe: Recipe): CommitContext {
    const { id, context } = this.past.commits.at(-1)!;
    return this.#contextOf(recipe.ignore).at(id, context);
  }

  /** The text of a file of a context; undefined for a missing file. */
  textIn(context: CommitContext, path: string): string | undefined {
    const { type, digest } = context.get(path) ?? {};
    if (type !== 'file' || !/^[0-9a-f]+$/.test(digest!)) return undefined;
    return nameOfBytes(this.parts.repository.objects.blob(digest!));
  }

  close(): void {
    this.parts.files.close();
    this.#store.close();
  }

  /** The same text gives the same object, by which contexts are cached. */
  #ignoreRules(text: string | undefined, name: string): IgnoreRules {
    const key = `${name}\0${text ?? ''}`;
    let rules = this.#rules.get(key);
    if (rules === undefined) {
      rules = rulesOf(text, name);
      this.#rules.set(key, rules);
    }
    return rules;
  }

  #contextOf(ignore: IgnoreRules): CommitContexts {
    let contexts = this.#contexts.get(ignore);
    if (contexts === undefined) {
      contexts = new CommitContexts(this.parts.repository.objects, ignore, this.parts.gitFolder);
      this.#contexts.set(ignore, contexts);
    }
    return contexts;
  }

  /** The recipe of a commit's own Dockerfile and ignore file, or the error that stops its build. */
  #recipeOf(commit: PastCommit): Promise<Recipe | JettisonError> {
    const found = this.#textsOf(commit);
    const key = digestOf(found);
    let recipe = this.#recipes.get(key);
    if (recipe === undefined) {
      recipe = this.#recipeOfTexts(found).catch((error: unknown) => {
        if (error instanceof JettisonError) return error;
        throw error;
      });
      this.#recipes.set(key, recipe);
    }
    return recipe;
  }

  async #recipeOfTexts({ dockerfile, ignore, ignoreName }: CommitTexts): Promise<Recipe> {
    const { name } = this.text;
    if (dockerfile === undefined) {
      throw new JettisonError('DOCKERFILE_MISSING', `the commit has no ${name}`);
    }
    const read = (id: string) => nameOfBytes(this.parts.repository.objects.blob(id));
    return this.recipe({ text: read(dockerfile), name }, ignore && read(ignore), ignoreName);
  }

  #textsOf({ tree }: PastCommit): CommitTexts {
    const { repository, directory, path, text } = this.parts;
    const at = (name: string) => fileAt(repository, tree, name);
    const file = resolve(this.options.file ?? `${directory}/${text.name}`);
    const real = resolve(realpathSync(dirname(file)), basename(file));
    const inside = relative(repository.worktree, real).split(sep).join('/');
    const ignores = [`${inside}.dockerignore`, path === '' ? '.dockerignore' : `${path}/.dockerignore`];
    const ignoreName = ignores.find((name) => at(name) !== undefined);
    return {
      dockerfile: at(inside),
      ...(ignoreName === undefined ? {} : { ignore: at(ignoreName)!, ignoreName }),
    };
  }

  async #resolve(request: ImageRequest): Promise<void> {
    const image = await this.#bases.resolve(request);
    if (image === undefined) this.#missing.set(imageKey(request), shownName(request.reference));
    else this.#images.set(imageKey(request), image);
  }

  #baseTree({ digest, layers }: BaseImage): Tree | undefined {
    if (!this.#trees.has(digest)) {
      const ids = layers.map(({ diffId }) => layerId(diffId));
      const isHere = layers.length > 0 && ids.every((id) => this.#store.layers.record(id) !== undefined);
      const tree = isHere
        ? new MergedTree(ids.map((id) => ({ id, index: this.#store.layers.index(id) })))
        : undefined;
      this.#trees.set(digest, tree);
    }
    return this.#trees.get(digest);
  }

  /** The layer that a step made when it was last executed with this store. */
  #writtenBy(step: Step): LayerIndex | undefined {
    const layer = this.#lastLayers().get(this.#instructions(step));
    if (layer === undefined) return undefined;
    if (!this.#indexes.has(layer)) {
      const isHere = this.#store.layers.record(layer) !== undefined;
      this.#indexes.set(layer, isHere ? this.#store.layers.index(layer) : undefined);
    }
    return this.#indexes.get(layer);
  }

  #lastLayers(): Map<string, string> {
    if (this.#written === undefined) {
      const latest = new Map<string, { layer: string; created: string }>();
      for (const { record } of this.#store.records.list()) {
        const instruction = digestOf(record.instruction);
        const { layer, created } = record;
        if ((latest.get(instruction)?.created ?? '') < created) latest.set(instruction, { layer, created });
      }
      this.#written = new Map([...latest].map(([instruction, { layer }]) => [instruction, layer]));
    }
    return this.#written;
  }
}

const TURN_MS = 50;

/** The Dockerfile and the ignore file of a commit: ids of git objects. */
interface CommitTexts {
  dockerfile: string | undefined;
  ignore?: string;
  ignoreName?: string;
}
