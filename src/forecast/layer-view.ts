import { digestOf } from '../image/digest.ts';
import { join, parentOf } from '../layer/entry.ts';
import type { LayerIndex } from '../layer/layer-index.ts';
import type { Tree, TreeEntry } from '../layer/tree.ts';
import { type DigestTree, leafDigest, type NamedMode } from './digest-tree.ts';

/** A layer as a replay knows it: without having made it. */
export interface LayerView {
  /** Equal for layers that hold the same. */
  content: string;
  /** It changes nothing: commands do not observe it. */
  isEmpty: boolean;
  /** What it has at exactly this path, as far as that is known. */
  get(path: string): TreeEntry | undefined;
  children(path: string): string[];
  /** What it says about a path and all below it; undefined when nothing. */
  digest(path: string): string | undefined;
  /** Whether what it has may be more than what `get` and `children` say. */
  isUnknown: boolean;
}

/** Something that a COPY puts somewhere: a file under its final path, or what is in a directory. */
export interface Placement {
  target: string;
  isDirectory: boolean;
  tree: DigestTree;
  /** In the tree. */
  path: string;
}

/** The layer of a COPY: its files stay where they are. */
export class CopyView implements LayerView {
  readonly isUnknown: boolean;
  readonly content: string;

  /**
   * @param directories that it makes or repeats
   * @param owner all that the instruction says about owners and modes
   */
  constructor(
    private readonly placements: readonly Placement[],
    private readonly directories: ReadonlyMap<string, TreeEntry>,
    private readonly mode: NamedMode | undefined,
    owner: string,
  ) {
    this.isUnknown = placements.some(({ tree }) => tree instanceof StackTree && tree.isUnknown);
    const made = [...directories.values()].map(({ path, mode, uid, gid, xattrs }) => [
      path,
      mode,
      uid,
      gid,
      xattrs,
    ]);
    this.content = digestOf({ made, owner, files: this.#digestAt('') });
  }

  get isEmpty(): boolean {
    return this.placements.length === 0 && this.directories.size === 0;
  }

  get(path: string): TreeEntry | undefined {
    for (const placement of [...this.placements].reverse()) {
      const inside = insideOf(placement, path);
      if (inside === undefined || (placement.isDirectory && inside === '')) continue;
      const entry = placement.tree.get(join(placement.path, inside));
      if (entry !== undefined) return { ...entry, path };
    }
    return this.directories.get(path);
  }

  children(path: string): string[] {
    const names = new Set<string>();
    for (const placement of this.placements) {
      const inside = placement.isDirectory ? insideOf(placement, path) : undefined;
      if (inside !== undefined) {
        for (const name of placement.tree.children(join(placement.path, inside))) names.add(name);
      }
      const next = nextBelow(path, placement.target);
      if (next !== undefined) names.add(next);
    }
    for (const directory of this.directories.keys()) {
      const next = nextBelow(path, directory);
      if (next !== undefined) names.add(next);
    }
    return [...names];
  }

  digest(path: string): string | undefined {
    return this.#digestAt(path);
  }

  /** What was placed at a path or below it: what comes later covers what came before. */
  #digestAt(path: string): string | undefined {
    let here: { word: string; directory?: { tree: DigestTree; path: string } }[] = [];
    let isDeeper = false;
    for (const placement of this.placements) {
      const { tree, isDirectory } = placement;
      const inside = insideOf(placement, path);
      if (inside === undefined) {
        if (nextBelow(path, placement.target) !== undefined) isDeeper = true;
        continue;
      }
      const source = join(placement.path, inside);
      const entry = tree.get(source);
      // Of a tree that is not known whole, something may be there all the same.
      if (entry === undefined && !(tree instanceof StackTree && tree.isUnknown)) continue;
      const word = tree.digest(source, this.mode);
      const isTree = entry?.type === 'directory' || (entry === undefined && isDirectory);
      if (isTree) here.push({ word, directory: { tree, path: source } });
      else here = [{ word }];
    }
    if (!isDeeper && here.length <= 1) return here[0]?.word;
    const trees = here.flatMap(({ directory }) => (directory === undefined ? [] : [directory.tree]));
    if (trees.some((tree) => tree instanceof StackTree && tree.isUnknown)) {
      const below = this.placements.filter(({ target }) => nextBelow(path, target) !== undefined);
      return digestOf({
        here: here.map(({ word }) => word),
        below: below.map(({ target, tree, path }) => [target, tree.digest(path, this.mode)]),
      });
    }
    const words = this.children(path)
      .sort()
      .map((name) => [name, this.#digestAt(join(path, name))]);
    return digestOf({ words: words.filter(([, word]) => word !== undefined) });
  }
}

/** A layer whose entries are listed: of WORKDIR, or of a COPY that is selected file by file. */
export class ListedView implements LayerView {
  readonly isUnknown = false;

  constructor(
    private readonly tree: Tree,
    readonly content: string,
    readonly isEmpty: boolean,
  ) {}

  get(path: string): TreeEntry | undefined {
    return this.isEmpty ? undefined : this.tree.get(path);
  }

  children(path: string): string[] {
    return this.tree.children(path);
  }

  digest(path: string): string | undefined {
    return this.get(path) === undefined ? undefined : digestOfTree(this.tree, path);
  }
}

/** The layer of a RUN: what it holds is not known before it runs, but where an earlier one of it wrote may be. */
export class RunView implements LayerView {
  /** @param index of the layer that an earlier build made of it */
  constructor(
    readonly content: string,
    private readonly index: LayerIndex | undefined,
  ) {}

  get isUnknown(): boolean {
    return this.index === undefined;
  }

  get isEmpty(): boolean {
    return this.index?.size === 0;
  }

  get(path: string): TreeEntry | undefined {
    const entry = this.index?.get(path);
    if (entry === undefined || entry.type === 'whiteout') return undefined;
    return { ...entry, type: entry.type === 'hardlink' ? 'file' : entry.type };
  }

  children(path: string): string[] {
    return this.index?.children(path) ?? [];
  }

  digest(path: string): string | undefined {
    if (this.isEmpty) return undefined;
    return this.index === undefined || touches(this.index, path) ? this.content : undefined;
  }
}

/** The root file system of a stage as far as it is known: layers, and the base image where the store has its index. */
export class StackTree implements DigestTree {
  readonly #layers: readonly LayerView[];

  /** @param layers lowest first */
  constructor(
    layers: readonly LayerView[],
    private readonly base: { tree: Tree | undefined; digest: string },
  ) {
    this.#layers = [...layers].reverse();
  }

  /** Whether there may be files that it does not know of. */
  get isUnknown(): boolean {
    return this.base.tree === undefined || this.#layers.some((layer) => layer.isUnknown);
  }

  get(path: string): TreeEntry | undefined {
    if (path === '') return { path, type: 'directory', mode: 0o755, uid: 0, gid: 0, size: 0, mtime: 0 };
    const parent = parentOf(path);
    if (parent !== '' && this.get(parent)?.type !== 'directory') return undefined;
    for (const layer of this.#layers) {
      const found = layer.get(path);
      if (found !== undefined) return found;
    }
    return this.base.tree?.get(path);
  }

  children(path: string): string[] {
    const names = new Set(this.base.tree?.children(path));
    for (const layer of this.#layers) for (const name of layer.children(path)) names.add(name);
    return [...names].sort();
  }

  digest(path: string): string {
    const said = this.#layers.map((layer) => layer.digest(path)).filter((word) => word !== undefined);
    return digestOf([this.base.digest, ...said]);
  }
}

/** Everything at and below a path. */
function digestOfTree(tree: Tree, path: string): string {
  const entry = tree.get(path);
  if (entry === undefined) return 'nothing';
  if (entry.type !== 'directory') return leafDigest(entry);
  const { mode, uid, gid } = entry;
  return digestOf([
    mode,
    uid,
    gid,
    tree.children(path).map((name) => [name, digestOfTree(tree, join(path, name))]),
  ]);
}

/** Whether a layer has anything at a path, below it, or in the way to it. Directories that it only repeats are nothing. */
function touches(index: LayerIndex, path: string): boolean {
  for (let at = parentOf(path); at !== ''; at = parentOf(at)) {
    const above = index.get(at);
    if (above !== undefined && (above.type !== 'directory' || above.opaque)) return true;
  }
  for (const entry of index.under(path)) if (entry.type !== 'directory' || entry.opaque) return true;
  // A directory that is new has nothing else at its path.
  const own = index.get(path);
  return own !== undefined && !index.hasBelow(path);
}

/** The path inside of what was placed; undefined when it is elsewhere. */
function insideOf({ target, isDirectory }: Placement, path: string): string | undefined {
  if (path === target) return '';
  if (!isDirectory) return undefined;
  if (target === '') return path;
  return path.startsWith(`${target}/`) ? path.slice(target.length + 1) : undefined;
}

/** The name in a directory that leads to a path further below. */
function nextBelow(directory: string, path: string): string | undefined {
  if (path === directory || !(directory === '' || path.startsWith(`${directory}/`))) return undefined;
  return path.slice(directory === '' ? 0 : directory.length + 1).split('/', 1)[0];
}
