import { digestOf } from '../image/digest.ts';
import { formatPlatform } from '../image/platform.ts';
import { LayerIndex } from '../layer/layer-index.ts';
import { MergedTree } from '../layer/merged-tree.ts';
import type { Tree, TreeEntry } from '../layer/tree.ts';
import type {
  BaseImage,
  BindMount,
  CacheMount,
  CopyFrom,
  CopyStep,
  PlannedStage,
  RunStep,
  Step,
} from '../plan/plan.ts';
import { parseMode } from '../solve/copy/mode.ts';
import { placeCopy, placeDirectory } from '../solve/copy/placement.ts';
import { stagesReadBy } from '../solve/files-read.ts';
import { baseDefinition, stepDefinition, stepKey } from '../solve/keys.ts';
import type { CommitContext } from './commit-context.ts';
import type { DigestTree, NamedMode } from './digest-tree.ts';
import { CopyView, type LayerView, ListedView, type Placement, RunView, StackTree } from './layer-view.ts';
import {
  constantSelection,
  EMPTY,
  inlineTree,
  type Reader,
  type SymbolicSelection,
  select,
} from './symbolic-selection.ts';

/** What is known besides the history. */
export interface ReplaySettings {
  /**
   * What commands are taken to make of other inputs: something else each time, or the same each time. The truth is
   * between the two.
   */
  outputs: 'changed' | 'same';
  /** The tree of a base image; undefined when the store does not have it. */
  baseTree(image: BaseImage): Tree | undefined;
  /** What an earlier build of a command wrote; undefined when there was none. */
  written(step: RunStep): LayerIndex | undefined;
  /** Digest of an instruction. */
  instruction(step: Step): string;
}

/** A step in the build of one commit. */
export interface ReplayedStep {
  step: Step;
  /** `done`: it would have run. */
  outcome: 'cached' | 'reused' | 'done';
  layer?: LayerView;
}

/** What all stages of one commit's build share. */
export interface SymbolicBuild {
  settings: ReplaySettings;
  context: CommitContext;
  stage(stage: PlannedStage): SymbolicStage;
}

/** What the store knows of a step by now: definitions and keys of steps that have been carried out. */
export interface KnownSteps {
  definitions: Map<string, LayerView>;
  keys: Map<string, LayerView>;
}

/**
 * One stage as `StageSolver` solves it, with words in place of layers: looked up by definition, then by what it
 * observes, else carried out.
 */
export class SymbolicStage {
  readonly steps: ReplayedStep[] = [];
  #definitions?: string[];
  #layers?: LayerView[];
  readonly #selections = new Map<Reader, SymbolicSelection>();

  constructor(
    private readonly build: SymbolicBuild,
    readonly stage: PlannedStage,
    private readonly known: KnownSteps,
  ) {}

  /** The paths of the build context that its steps select, by the step's id. */
  *reads(): Iterable<[step: string, paths: string[]]> {
    for (const step of this.stage.steps) {
      const readers = step.kind === 'copy' ? [step] : step.kind === 'run' ? mountsOf(step) : [];
      const paths = readers.flatMap((reader) => {
        const selection = this.#selections.get(reader);
        if (selection?.tree !== this.build.context) return [];
        return selection.sources.flatMap(({ entries: [head] }) =>
          head === undefined || head.entry.source?.kind === 'inline' ? [] : [head.entry.path],
        );
      });
      if (paths.length > 0) yield [step.id, paths];
    }
  }

  /** Of the whole stage. */
  definition(): string {
    return this.definitions().at(-1) ?? this.#baseDefinition();
  }

  definitions(): string[] {
    if (this.#definitions === undefined) {
      let below = this.#baseDefinition();
      this.#definitions = this.stage.steps.map((step) => {
        const source = this.#source(step);
        below = stepDefinition(this.#instruction(step), below as never, source as never);
        return below;
      });
    }
    return this.#definitions;
  }

  /** Solves it: all its layers. */
  async layers(): Promise<LayerView[]> {
    if (this.#layers !== undefined) return this.#layers;
    const { base, steps } = this.stage;
    const definitions = this.definitions();
    const layers = base.kind === 'stage' ? [...(await this.build.stage(base.stage).layers())] : [];
    for (const [i, step] of steps.entries()) layers.push(await this.#solve(step, definitions[i]!, layers));
    this.#layers = layers;
    return layers;
  }

  tree(layers: readonly LayerView[]): StackTree {
    return new StackTree(layers, this.#root());
  }

  /** The base image at the bottom of it. */
  #root(): { tree: Tree | undefined; digest: string } {
    const { base } = this.stage;
    if (base.kind === 'stage') return this.build.stage(base.stage).#root();
    return base.kind === 'image'
      ? { tree: this.build.settings.baseTree(base.image), digest: base.image.digest }
      : { tree: EMPTY, digest: 'scratch' };
  }

  #baseDefinition(): string {
    const { base } = this.stage;
    const parent = base.kind === 'stage' ? this.build.stage(base.stage).definition() : undefined;
    return baseDefinition(base, parent as never);
  }

  #instruction(step: Step): Record<string, unknown> {
    return { digest: this.build.settings.instruction(step) };
  }

  async #solve(step: Step, definition: string, below: readonly LayerView[]): Promise<LayerView> {
    const { definitions, keys } = this.known;
    const cached = definitions.get(definition);
    if (cached !== undefined) {
      this.steps.push({ step, outcome: 'cached', layer: cached });
      return cached;
    }
    for (const stage of stagesReadBy(step)) await this.build.stage(stage).layers();
    const { observations, make } = await this.#observe(step, below);
    const key = stepKey(this.#instruction(step), observations);
    const reused = keys.get(key);
    const layer = reused ?? make(key);
    keys.set(key, layer);
    definitions.set(definition, layer);
    this.steps.push({ step, outcome: reused === undefined ? 'done' : 'reused', layer });
    return layer;
  }

  /** For its definition: what it reads. */
  #source(step: Step): string | undefined {
    switch (step.kind) {
      case 'workdir':
        return undefined;
      case 'copy':
        return this.#sourceOf(step, step.from);
      case 'run':
        return digestOf({
          platform: formatPlatform(this.stage.platform),
          mounts: mountsOf(step).map((mount) => this.#sourceOf(mount, mount.from)),
        });
    }
  }

  #sourceOf(reader: Reader, from: CopyFrom): string {
    switch (from.kind) {
      case 'context':
        return this.#selectionOf(reader, this.build.context, false).digest;
      case 'named':
        return `named ${from.name}`;
      case 'stage':
        return this.build.stage(from.stage).definition();
      case 'image':
        return from.image.digest;
    }
  }

  async #observe(
    step: Step,
    below: readonly LayerView[],
  ): Promise<{ observations: Record<string, unknown>; make: (key: string) => LayerView }> {
    switch (step.kind) {
      case 'workdir': {
        const { observations, entries } = await placeDirectory(this.tree(below), step.path);
        const tree = new MergedTree([{ id: step.id, index: LayerIndex.of(entries) }]);
        const content = digestOf({ entries, user: step.user });
        const view = new ListedView(tree, content, entries.length === 0);
        return { observations: { ...observations }, make: () => view };
      }
      case 'run': {
        const mounts = await Promise.all(mountsOf(step).map((mount) => this.#contentOf(mount, mount.from)));
        const observations = {
          platform: formatPlatform(this.stage.platform),
          layers: below.filter(({ isEmpty }) => !isEmpty).map(({ content }) => content),
          mounts,
        };
        const { outputs, written } = this.build.settings;
        const instruction = this.build.settings.instruction(step);
        const content = (key: string) => (outputs === 'same' ? instruction : key);
        return { observations, make: (key) => new RunView(`run ${content(key)}`, written(step)) };
      }
      case 'copy': {
        const from = await this.#selectionFrom(step, step.from);
        return this.#copy(step, from, below);
      }
    }
  }

  /** What is selected of a mount's source. */
  async #contentOf(mount: BindMount | CacheMount, from: CopyFrom): Promise<string> {
    return (await this.#selectionFrom(mount, from)).digest;
  }

  async #selectionFrom(reader: Reader, from: CopyFrom): Promise<SymbolicSelection> {
    switch (from.kind) {
      case 'context':
        return this.#selectionOf(reader, this.build.context, false);
      case 'named':
        return constantSelection(reader, `named ${from.name}`);
      case 'image': {
        const tree = this.build.settings.baseTree(from.image);
        const stack = new StackTree([], { tree, digest: from.image.digest });
        return this.#selectionOf(reader, stack, stack.isUnknown);
      }
      case 'stage': {
        const stage = this.build.stage(from.stage);
        const stack = stage.tree(await stage.layers());
        return this.#selectionOf(reader, stack, stack.isUnknown);
      }
    }
  }

  /** @param isUnknown the tree may have more than is known of it: a source that it lacks is there, too */
  #selectionOf(reader: Reader, tree: DigestTree, isUnknown: boolean): SymbolicSelection {
    const known = this.#selections.get(reader);
    if (known !== undefined) return known;
    const found = select(reader, tree, isUnknown);
    this.#selections.set(reader, found);
    return found;
  }

  #copy(step: CopyStep, selection: SymbolicSelection, below: readonly LayerView[]) {
    const { sources, tree, digest, isListed } = selection;
    const destination = step.link ? new MergedTree([]) : this.tree(below);
    const mode = namedMode(step);
    const placed = placeCopy({ sources }, destination, {
      path: step.destination,
      ...(mode === undefined ? {} : { mode: mode.change }),
    });
    const observations = { selection: digest, ...placed.observations, remotes: step.remotes.length };
    const owner = JSON.stringify([step.chown, step.remotes, step.heredocs]);
    const make = (): LayerView => {
      if (isListed) {
        const listed = new MergedTree([{ id: step.id, index: LayerIndex.of(placed.entries) }]);
        const entries = placed.entries.map(({ mtime: _, source: __, ...entry }) => entry);
        return new ListedView(listed, digestOf({ entries, owner }), placed.entries.length === 0);
      }
      const placements = sources.map((source, i): Placement => {
        const target = placed.targets[i]!;
        const isDirectory = source.kind === 'directory';
        const { entry } = source.entries[0]!;
        const inline = entry.source?.kind === 'inline';
        return { target, isDirectory, tree: inline ? inlineTree(entry) : tree, path: entry.path };
      });
      const directories = placed.entries.filter(({ type }) => type === 'directory') as TreeEntry[];
      return new CopyView(placements, new Map(directories.map((entry) => [entry.path, entry])), mode, owner);
    };
    return { observations, make };
  }
}

/** The mounts of a command that show files of the build. */
function mountsOf(step: RunStep): ((BindMount | CacheMount) & { from: CopyFrom })[] {
  return step.mounts.filter(
    (mount): mount is (BindMount | CacheMount) & { from: CopyFrom } =>
      (mount.type === 'bind' || mount.type === 'cache') && mount.from !== undefined,
  );
}

function namedMode({ chmod }: CopyStep): NamedMode | undefined {
  return chmod === undefined ? undefined : { text: chmod, change: parseMode(chmod) };
}
