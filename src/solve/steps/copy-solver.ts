import { lstatSync, rmSync } from 'node:fs';
import type { Context } from '../../context/context.ts';
import { contextChanged, hashContextFile } from '../../context/hash-file.ts';
import { located } from '../../errors/locate.ts';
import type { OnProgress } from '../../events/transfer.ts';
import { type Digest, digestOf } from '../../image/digest.ts';
import type { RecipeEntry } from '../../layer/entry.ts';
import { MergedTree } from '../../layer/merged-tree.ts';
import { diskPath } from '../../layer/names.ts';
import type { Tree, TreeEntry } from '../../layer/tree.ts';
import { shownName } from '../../plan/named-contexts.ts';
import type { CopyStep } from '../../plan/plan.ts';
import { temporaryPath } from '../../store/temporary.ts';
import type { Owner } from '../copy/chown.ts';
import { listedFiles } from '../copy/listed-files.ts';
import { parseMode } from '../copy/mode.ts';
import { type Placed, placeCopy } from '../copy/placement.ts';
import { selectSources } from '../copy/select.ts';
import {
  archiveSource,
  type SelectedSource,
  type Selection,
  selectionDigest,
  unhashed,
} from '../copy/selection.ts';
import type { SolvedLayer, StepGraph } from '../graph.ts';
import { readOwner } from '../owner.ts';
import { remoteDefinitions, selectRemote } from '../remote-sources.ts';
import type { SolveContext } from '../solve-context.ts';
import { inTurns } from '../turns.ts';
import { unpackArchive } from '../unpack-archive.ts';
import type { SelectedFiles } from './op.ts';

/** The record of a selection: its digest, and the first entry of each source. */
interface SelectionFacts {
  digest: Digest;
  heads: SelectedSource[];
}

/** One COPY or ADD: its selection, its observations and its layer. */
export class CopySolver {
  #selecting?: Promise<Selection>;
  /** The selected sources of each URL or repository, by its position in the step. */
  readonly #fetched: SelectedSource[][] = [];

  constructor(
    private readonly context: SolveContext,
    private readonly graph: StepGraph,
    private readonly step: CopyStep,
    /** Gets the progress of fetches from URLs and repositories. */
    private readonly onTransfer: OnProgress = () => {},
    /** `itself`: see `PlaceOptions`. */
    private readonly options: { itself?: boolean } = {},
  ) {}

  /** The digest of the sources. With the instruction and the layers below it decides the result. */
  async definition(): Promise<Digest> {
    const { from } = this.step;
    switch (from.kind) {
      case 'context':
      case 'named':
        return this.#selectionAndRemotes();
      case 'stage':
        return this.graph.stage(from.stage).definition();
      case 'image':
        return from.image.digest;
    }
  }

  /** Digest of the selection, and of checksum, commit or validators of remote sources, without a download if possible. */
  async #selectionAndRemotes(): Promise<Digest> {
    const { remotes } = this.step;
    if (remotes.length === 0) return selectionDigest(await this.#selection());
    const local = await located(this.step, () => this.#selectLocal(this.step.sources));
    return digestOf({
      local: selectionDigest(local),
      remotes: await located(this.step, () => remoteDefinitions(this.context, remotes, this.onTransfer)),
    });
  }

  /** Selects, places, and lists the resulting layer. */
  observe(
    below: readonly SolvedLayer[],
  ): Promise<{ observations: Record<string, unknown>; entries: RecipeEntry[] }> {
    return located(this.step, async () => {
      const selection = await this.#selection();
      const chosen: Selection = this.step.unpack ? { sources: await this.#unpacked(selection) } : selection;
      const { observations, entries } = await this.#place(chosen, await this.#destinationTree(below), below);
      const digest = selectionDigest(selection);
      await this.#rememberSelection(digest, selection);
      return { observations: { selection: digest, ...observations }, entries };
    });
  }

  /** The selected files, if they have been listed. */
  async selected(): Promise<SelectedFiles | undefined> {
    const selection = await this.#selecting;
    if (selection === undefined || unhashed(selection).length > 0) return undefined;
    return listOf(selection);
  }

  /** The selected files if they have been listed: those of the context, stage or image, then of each URL or repository. */
  async selectedBySource(): Promise<SelectedFiles[]> {
    const selection = await this.#selecting;
    if (selection === undefined || unhashed(selection).length > 0) return [];
    const fetched = new Set(this.#fetched.flat());
    const local = { sources: selection.sources.filter((source) => !fetched.has(source)) };
    return [local, ...this.#fetched.map((sources) => ({ sources }))].map(listOf);
  }

  /**
   * The observations without listing the copied files, if an earlier build has recorded the same selection of the same
   * source, and its directories are copied to paths that do not exist.
   */
  async remembered(below: readonly SolvedLayer[]): Promise<Record<string, unknown> | undefined> {
    if (this.context.noCache) return undefined;
    const origin = await this.#selectionOrigin();
    if (origin === undefined) return undefined;
    const facts = this.context.store.selections.use<SelectionFacts>(origin);
    if (facts === undefined) return undefined;
    return located(this.step, async () => {
      const tree = await this.#destinationTree(below);
      const { observations, targets } = await this.#place({ sources: facts.heads }, tree, below);
      const fresh = facts.heads.every(
        ({ kind }, i) => kind === 'file' || tree.get(targets[i]!) === undefined,
      );
      return fresh ? { selection: facts.digest, ...observations } : undefined;
    });
  }

  async #rememberSelection(digest: Digest, { sources }: Selection): Promise<void> {
    const origin = await this.#selectionOrigin();
    if (origin === undefined) return;
    const heads = sources.map((source) => ({ ...source, entries: source.entries.slice(0, 1) }));
    this.context.store.selections.put(origin, { digest, heads } satisfies SelectionFacts);
  }

  /**
   * Digest of the inputs of a selection. It uses contents, not definitions, which do not determine results. Undefined
   * for selections that are not recorded: those of contexts are always read.
   */
  async #selectionOrigin(): Promise<Digest | undefined> {
    const { from, sources, exclude, parents } = this.step;
    if (from.kind === 'context' || from.kind === 'named' || parents) return undefined;
    const layers =
      from.kind === 'stage'
        ? await this.graph.stage(from.stage).layers()
        : this.graph.imageLayers(from.image);
    const contents = layers.filter(({ empty }) => !empty).map(({ content }) => content);
    return digestOf({ contents, sources, exclude });
  }

  async #destinationTree(below: readonly SolvedLayer[]): Promise<MergedTree> {
    return this.step.link ? new MergedTree([]) : this.graph.tree(below);
  }

  async #place(selection: Selection, tree: MergedTree, below: readonly SolvedLayer[]): Promise<Placed> {
    const { destination, chown, chmod } = this.step;
    const owner = chown === undefined ? undefined : await this.#owner(chown, below);
    return placeCopy(selection, tree, {
      path: destination,
      time: this.context.time,
      ...this.options,
      ...(owner === undefined ? {} : { owner }),
      ...(chmod === undefined ? {} : { mode: parseMode(chmod) }),
    });
  }

  #selection(): Promise<Selection> {
    this.#selecting ??= located(this.step, () => this.#select());
    return this.#selecting;
  }

  /** All sources in the order in which they are written, since later ones replace files of earlier ones. */
  async #select(): Promise<Selection> {
    const { sources, remotes } = this.step;
    if (remotes.length === 0) return this.#selectLocal(sources);
    const found: SelectedSource[] = [];
    let at = 0;
    for (const remote of remotes) {
      if (remote.position > at)
        found.push(...(await this.#selectLocal(sources.slice(at, remote.position), false)).sources);
      at = remote.position;
      const fetched = await selectRemote(this.context, this.step, remote, this.onTransfer);
      this.#fetched.push(fetched);
      found.push(...fetched);
    }
    found.push(...(await this.#selectLocal(sources.slice(at))).sources);
    return { sources: found };
  }

  async #selectLocal(sources: string[], heredocs = true): Promise<Selection> {
    const { step, context } = this;
    const { tree, place, files: source } = await this.#sourceTree();
    const selecting = selectSources(tree, {
      sources,
      exclude: step.exclude,
      parents: step.parents,
      heredocs: heredocs ? step.heredocs : [],
      place,
      time: context.time,
      ...(source === undefined ? {} : { ignore: source.ignore, reserved: (path) => source.reserved?.(path) }),
    });
    const selection = await inTurns(selecting, context.signal);
    const files = unhashed(selection);
    if (files.length > 0) await source!.hash(files);
    return selection;
  }

  /** `files`: the tree itself if it is a build context. */
  async #sourceTree(): Promise<{ tree: Tree; place: string; files?: Context }> {
    const { from } = this.step;
    switch (from.kind) {
      case 'context':
        return {
          tree: this.context.buildContext,
          place: 'the build context',
          files: this.context.buildContext,
        };
      case 'named': {
        const files = await this.context.named(from.name);
        return { tree: files, place: `the context "${from.name}"`, files };
      }
      case 'stage': {
        const layers = await this.graph.stage(from.stage).layers();
        return { tree: await this.graph.tree(layers), place: `stage "${from.stage.name}"` };
      }
      case 'image':
        return {
          tree: await this.graph.tree(this.graph.imageLayers(from.image)),
          place: `image "${shownName(from.image.reference)}"`,
        };
    }
  }

  /** ADD: replaces archives among the sources by their members. */
  async #unpacked({ sources }: Selection): Promise<SelectedSource[]> {
    const found: SelectedSource[] = [];
    for (const source of sources) {
      const file = source.kind === 'file' ? source.entries[0]!.entry : undefined;
      const isFile = file?.type === 'file' && !source.whole;
      found.push((isFile ? await this.#members(file) : undefined) ?? source);
    }
    return found;
  }

  /** The members of an archive; undefined for other files. Its content may be in a layer, if the context is an archive. */
  async #members(file: TreeEntry): Promise<SelectedSource | undefined> {
    const { isArchive } = await import('../copy/archive-detect.ts');
    const { source } = file;
    const { store } = this.context;
    const path = source?.kind === 'host' ? source.path : temporaryPath(store.layout, 'file');
    try {
      if (source?.kind === 'layer') await (await this.context.worker()).copyOut({ source, path });
      else if (source?.kind !== 'host') return undefined;
      if (!(await isArchive(path))) return undefined;
      const id = await unpackArchive(this.context, path, `sha256:${file.digest!}`);
      return archiveSource({ id, index: store.layers.index(id) });
    } catch (error) {
      // If the file has changed in the meantime, that is the error to report.
      if (source?.kind === 'host' && file.path !== '') await checkUnchanged(file, path);
      throw error;
    } finally {
      if (source?.kind === 'layer') rmSync(path, { force: true });
    }
  }

  #owner(spec: string, below: readonly SolvedLayer[]): Promise<Owner> {
    return readOwner(this.context, this.graph, below, { spec, origin: `--chown=${spec}`, step: this.step });
  }
}

/** @throws JettisonError `CONTEXT_CHANGED` when a file of the context has been written since it was selected */
async function checkUnchanged(file: TreeEntry, path: string): Promise<void> {
  const { size, digest, path: name, mtime, mtimeNs = 0 } = file;
  const found = await hashContextFile(path, size, name);
  const changedBack = Math.abs(lstatSync(diskPath(path)).mtimeMs - (mtime * 1000 + mtimeNs / 1e6)) > 0.01;
  if (found !== digest || changedBack) throw contextChanged(name);
}

function listOf(selection: Selection): SelectedFiles {
  return { digest: selectionDigest(selection), list: () => listedFiles(selection) };
}
