import { rmSync } from 'node:fs';
import { JettisonError } from '../../errors/error.ts';
import { located } from '../../errors/locate.ts';
import { type Digest, digestOf } from '../../image/digest.ts';
import { comparePaths, type RecipeEntry } from '../../layer/entry.ts';
import { LayerIndex } from '../../layer/layer-index.ts';
import { MergedTree } from '../../layer/merged-tree.ts';
import { writeRecipe } from '../../layer/recipe.ts';
import { resolvePath } from '../../layer/tree.ts';
import type { BindMount, CacheMount, CopyFrom, RunMount, RunStep, SecretMount } from '../../plan/plan.ts';
import type { CacheExecMount, ExecMount, TreeForm } from '../../protocol/exec-request.ts';
import type { RemoteMount } from '../../protocol/remote-run.ts';
import { temporaryPath } from '../../store/temporary.ts';
import type { SolvedLayer, StepGraph } from '../graph.ts';
import type { SolveContext } from '../solve-context.ts';
import { CopySolver } from './copy-solver.ts';
import type { SelectedFiles } from './op.ts';

/** Name of the selected file or directory in its recipe. */
const SELECTED = 'source';

/** The mounts of a RUN, as the worker makes them. */
export interface PreparedMounts {
  mounts: ExecMount[];
  /** `K=V`: secrets, and SSH_AUTH_SOCK. */
  env: string[];
  /** Deletes its temporary files. */
  close: () => void;
}

/** The mounts of one RUN: their sources, which are part of its keys, and their contents. */
export class RunMounts {
  /** Selections of the mounts with files of the build, which select like COPY. */
  readonly #selections = new Map<RunMount, CopySolver>();
  #observing?: Promise<Map<RunMount, Digest>>;

  constructor(
    private readonly context: SolveContext,
    private readonly graph: StepGraph,
    private readonly step: RunStep,
  ) {
    for (const mount of step.mounts) {
      if ((mount.type !== 'bind' && mount.type !== 'cache') || mount.from === undefined) continue;
      const selection = selecting(step, mount, mount.from);
      this.#selections.set(mount, new CopySolver(context, graph, selection, undefined, { itself: true }));
    }
  }

  /** Definition digest of the mounts' sources; undefined without any. */
  async definition(): Promise<Digest | undefined> {
    if (this.#selections.size === 0) return undefined;
    return digestOf(await Promise.all([...this.#selections.values()].map((one) => one.definition())));
  }

  /** Digests of the contents of the mounts, in their order. */
  async observe(): Promise<Digest[]> {
    return [...(await this.#observed()).values()];
  }

  /** The files of the mounts, in their order; undefined if not listed. */
  selected(): Promise<(SelectedFiles | undefined)[]> {
    return Promise.all([...this.#selections.values()].map((one) => one.selected()));
  }

  #observed(): Promise<Map<RunMount, Digest>> {
    this.#observing ??= Promise.all(
      [...this.#selections].map(async ([mount, selection]): Promise<[RunMount, Digest]> => {
        const observations = (await selection.remembered([])) ?? (await selection.observe([])).observations;
        return [mount, digestOf(observations)];
      }),
    ).then((found) => new Map(found));
    return this.#observing;
  }

  /** @throws JettisonError `SECRET_MISSING`, `SSH_MISSING` */
  checkRequired(): void {
    for (const mount of this.step.mounts) {
      if (mount.type === 'secret' && mount.required && !this.context.secrets.has(mount.id)) {
        throw this.#missing('SECRET_MISSING', `the secret "${mount.id}"`, `--secret id=${mount.id},src=FILE`);
      }
      if (mount.type === 'ssh' && mount.required && !this.context.agents.has(mount.id)) {
        throw this.#missing('SSH_MISSING', `the SSH agent "${mount.id}"`, `--ssh ${mount.id}`);
      }
    }
  }

  /** Prepares the mounts for the worker. */
  async prepare(): Promise<PreparedMounts> {
    const files: string[] = [];
    const prepared: PreparedMounts = {
      mounts: [],
      env: [],
      close: () => {
        for (const path of files) rmSync(path, { force: true });
      },
    };
    for (const mount of this.step.mounts) {
      switch (mount.type) {
        case 'secret':
          this.#addSecret(prepared, mount);
          break;
        case 'ssh': {
          const { target, mode, uid, gid } = mount;
          // Docker sets the variable even without an agent.
          if (target === this.step.agent) prepared.env.push(`SSH_AUTH_SOCK=${target}`);
          const socket = this.context.agents.get(mount.id);
          if (socket !== undefined) {
            prepared.mounts.push({ type: 'agent', target, socket, mode, uid, gid });
          }
          break;
        }
        case 'tmpfs':
          prepared.mounts.push({ ...mount, options: ['exec'] });
          break;
        case 'bind':
          prepared.mounts.push(await this.#bind(mount, files));
          break;
        case 'cache':
          prepared.mounts.push(await this.#cache(mount, files));
      }
    }
    return prepared;
  }

  /** The mounts for a builder, to which their files are sent. Caches are the builder's own. */
  async forBuilder(): Promise<RemoteMount[]> {
    return Promise.all(
      this.step.mounts.map(async (mount): Promise<RemoteMount> => {
        switch (mount.type) {
          case 'bind': {
            const { target, readOnly } = mount;
            const { entries } = await this.#selectedFiles(mount);
            const tree = new MergedTree([{ id: '', index: LayerIndex.of(entries) }]);
            return { type: 'files', target, readOnly, tree, source: SELECTED };
          }
          case 'cache':
            if (mount.from !== undefined || mount.source !== '') {
              throw this.#unusable(
                'a cache with initial content (from=, source=) is not possible at a builder',
              );
            }
            return mount;
          default:
            return mount;
        }
      }),
    );
  }

  #addSecret({ mounts, env }: PreparedMounts, mount: SecretMount): void {
    const data = this.context.secrets.get(mount.id);
    // Without the secret the variable is set to an empty value.
    if (mount.env !== undefined) env.push(`${mount.env}=${Buffer.from(data ?? []).toString('utf8')}`);
    if (data !== undefined && mount.target !== undefined) {
      const { target, mode, uid, gid } = mount;
      mounts.push({ type: 'secret', target, data, mode, uid, gid });
    }
  }

  async #bind(mount: BindMount, files: string[]): Promise<ExecMount> {
    const { target, readOnly } = mount;
    const layers = await this.#layersOf(mount.from);
    const shown =
      layers === undefined
        ? await this.#recipe(mount, files)
        : await located(this.step, () => this.#layers(mount, layers));
    return { type: 'tree', target, readonly: readOnly, ...shown };
  }

  async #cache(mount: CacheMount, files: string[]): Promise<CacheExecMount> {
    const { id, mode, uid, gid, target, readOnly, sharing } = mount;
    const cache = { id, mode, uid, gid };
    const plain = { type: 'cache', target, readonly: readOnly, sharing } as const;
    if (mount.from === undefined) return { ...plain, cache, path: mount.source };
    const seed = (await this.#observed()).get(mount)!;
    const { from, kind } = await this.#recipe(mount, files);
    if (kind === 'file') throw this.#unusable(`/${mount.source} is a file, and a cache a directory`);
    return { ...plain, cache: { ...cache, seed }, seed: from, path: '' };
  }

  /** The layers of a stage or an image; undefined for contexts. */
  async #layersOf(from: CopyFrom): Promise<SolvedLayer[] | undefined> {
    if (from.kind === 'stage') return this.graph.stage(from.stage).layers();
    return from.kind === 'image' ? this.graph.imageLayers(from.image) : undefined;
  }

  async #layers(mount: BindMount, all: SolvedLayer[]): Promise<{ from: TreeForm; kind: Kind }> {
    const layers = all.filter((layer) => !layer.empty);
    const { path, entry } = resolvePath(await this.graph.tree(layers), mount.source);
    const kind = this.#kindOf(entry?.type, mount.source);
    await Promise.all(layers.map((layer) => layer.directory()));
    return { from: { layers: layers.map(({ id }) => id), path }, kind };
  }

  async #recipe(
    mount: BindMount | CacheMount,
    files: string[],
  ): Promise<{ from: TreeForm & { recipe: string }; kind: Kind }> {
    const { entries, kind } = await this.#selectedFiles(mount);
    const recipe = temporaryPath(this.context.store.layout, 'recipe');
    files.push(recipe);
    writeRecipe(
      recipe,
      entries.sort((a, b) => comparePaths(a.path, b.path)),
    );
    return { from: { recipe, path: SELECTED }, kind };
  }

  /** The files of a mount, each with the source of its content. */
  async #selectedFiles(mount: BindMount | CacheMount): Promise<{ entries: RecipeEntry[]; kind: Kind }> {
    const { entries } = await this.#selections.get(mount)!.observe([]);
    const selected = entries.find(({ path }) => path === SELECTED);
    const kind = this.#kindOf(selected?.type, mount.source);
    return { entries: await this.context.resolveSources(entries), kind };
  }

  #kindOf(type: string | undefined, source: string): Kind {
    if (type === 'file' || type === 'directory') return type;
    throw this.#unusable(`"${source}" ${type === undefined ? 'does not exist' : `is a ${type}`}`);
  }

  #unusable(what: string): JettisonError {
    const { location, source } = this.step;
    return new JettisonError('MOUNT_SOURCE', `${what}: it cannot be mounted`, {
      location,
      source,
      hint: 'Only files and directories can be mounted.',
    });
  }

  #missing(code: string, what: string, flag: string): JettisonError {
    const { location, source } = this.step;
    return new JettisonError(code, `${what} is required and was not given`, {
      location,
      source,
      hint: `Pass ${flag}.`,
    });
  }
}

type Kind = 'file' | 'directory';

/** A COPY that selects the files of a mount. */
function selecting(step: RunStep, mount: BindMount | CacheMount, from: CopyFrom) {
  return {
    kind: 'copy',
    id: step.id,
    title: step.title,
    location: step.location,
    source: step.source,
    add: false,
    from,
    sources: [literal(mount.source)],
    remotes: [],
    heredocs: [],
    destination: `/${SELECTED}`,
    exclude: [],
    parents: false,
    link: true,
    unpack: false,
  } as const satisfies ConstructorParameters<typeof CopySolver>[2];
}

/** A path as a pattern that matches only that path. */
function literal(path: string): string {
  return path === '' ? '/' : path.replaceAll('\\', '\\\\').replaceAll(/[*?[]/g, '[$&]');
}
