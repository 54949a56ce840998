import type { Digest } from '../image/digest.ts';
import type { Entry, RecipeEntry } from '../layer/entry.ts';
import { comparePaths, join, nameOf, parentOf } from '../layer/entry.ts';
import { followPath } from '../layer/tree.ts';
import type { EntryList } from '../store/inspections.ts';
import { LayerChanges } from './layer-changes.ts';
import { bytesOf, filesOf, Leaf, Leaves } from './leaf.ts';
import type { Kind, Package } from './package.ts';

/** Symlinks that are followed in one path, as in Linux. */
const MAX_LINKS = 40;

/** A layer as a census counts it. */
export interface CountedLayer {
  diffId: Digest;
  index: EntryList;
  facts: ReadonlyMap<string, ReadonlyMap<string, unknown>>;
}

/** Why bytes are wasted: pulled, but hidden. */
export type WasteReason = 'overwritten' | 'deleted' | 'metadata';

/** A file that a layer adds and a later one hides. */
export interface Waste {
  readonly path: string;
  readonly bytes: number;
  /** The layer that added it, and the one that hides it. */
  readonly layer: number;
  readonly by: number;
  /** `metadata`: the later layer has the same content, with another owner, mode or time. */
  readonly reason: WasteReason;
}

/** Files of one layer that have further names in it. */
interface Links {
  contents: Map<string, Leaf>;
  linked: ReadonlySet<string>;
}

interface Directory {
  entry: Entry;
  layer: number;
  children: Map<string, Directory | Leaf>;
}

/**
 * Counts the files of an image: the layer of every path, and the bytes that are pulled but hidden (waste). All sums are
 * exact: the content of all files of all layers, hard links once, is the final tree plus the waste.
 */
export class Census {
  readonly waste: Waste[] = [];
  /** Bytes of content that each layer adds, hard links once. */
  readonly bytes: number[] = [];
  /** Files that each layer adds. */
  readonly files: number[] = [];
  readonly changes: LayerChanges[] = [];
  readonly packages = new Map<string, Package>();
  readonly #root: Directory = directory('', 0);
  readonly #facts: ReadonlyMap<string, ReadonlyMap<string, unknown>>[] = [];
  /** Contents that lost a name, and the layer that removed the last one. */
  readonly #hidden = new Map<Leaf, { by: number; reason: WasteReason }>();
  #leaves: Leaves | undefined;
  #parent: { path: string; node: Directory } | undefined;

  /** @param layers lowest first */
  constructor(layers: readonly CountedLayer[]) {
    for (const [at, layer] of layers.entries()) this.#add(at, layer);
    for (const [{ names, path, size, layer }, { by, reason }] of this.#hidden) {
      if (names === 0) this.waste.push({ path, bytes: size, layer, by, reason });
    }
    this.waste.sort((a, b) => b.bytes - a.bytes || comparePaths(a.path, b.path));
  }

  /** The final tree without directories, in canonical order, by path. */
  get leaves(): Leaves {
    if (this.#leaves === undefined) {
      const leaves: Leaf[] = [];
      visit(this.#root, (leaf) => {
        if (leaf.content !== undefined) leaf.content.shown ??= leaf.path;
        leaves.push(leaf);
      });
      this.#leaves = new Leaves(leaves, (path) => leafOf(this.#find(path)));
    }
    return this.#leaves;
  }

  /** Bytes of the final tree's contents, hard links once. */
  get treeBytes(): number {
    return this.#sum(bytesOf);
  }

  /** Contents of the final tree, hard links once. */
  get treeFiles(): number {
    return this.#sum(filesOf);
  }

  get wasteBytes(): number {
    return this.waste.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get shippedBytes(): number {
    return this.bytes.reduce((sum, bytes) => sum + bytes, 0);
  }

  /** The leaf at a path; symlinks are not followed. */
  get(path: string): Leaf | { directory: Entry; layer: number } | undefined {
    const node = this.#find(path);
    return node !== undefined && isDirectory(node) ? { directory: node.entry, layer: node.layer } : node;
  }

  /** The leaf at a path; symlinks are followed in its directories (`bin` → `usr/bin`). */
  leaf(path: string): Leaf | undefined {
    const at = this.real(path, false);
    return at === undefined ? undefined : leafOf(this.#find(at));
  }

  /**
   * Where a path leads, symlinks followed inside the image.
   *
   * @param path relative to the root; `..` does not leave it
   * @param last whether a symlink at its end is followed, too
   * @returns undefined when what is on the way is missing or not a directory, or links lead in a circle: a program in the
   *   image could not open it either
   */
  real(path: string, last = true): string | undefined {
    const linkAt = (at: string) => {
      const node = this.#find(at);
      return node !== undefined && !isDirectory(node) && node.entry.type === 'symlink'
        ? node.entry.link
        : undefined;
    };
    const isDirectoryAt = (at: string) => {
      const node = this.#find(at);
      return node !== undefined && isDirectory(node);
    };
    return followPath(path, last, { linkAt, isDirectory: isDirectoryAt, maxLinks: MAX_LINKS });
  }

  /** Names in a directory, in canonical order; none for other kinds. */
  children(path: string): string[] {
    const node = this.#find(path);
    return node !== undefined && isDirectory(node) ? [...node.children.keys()].sort(comparePaths) : [];
  }

  /** The leaves below a path, and that of the path itself. */
  *below(path: string): Generator<Leaf> {
    const node = this.#find(path);
    if (node === undefined) return;
    if (isDirectory(node)) yield* leavesOf(node);
    else yield node;
  }

  /** The facts of a catalogue, by path, of files that are in the final tree. */
  facts(catalogue: string): Map<string, unknown> {
    const found = new Map<string, unknown>();
    const wanted = this.#facts.map((facts) => facts.get(catalogue));
    if (wanted.every((facts) => facts === undefined)) return found;
    for (const { path, content } of this.leaves.values()) {
      if (content === undefined) continue;
      const fact = wanted[content.layer]?.get(content.path);
      if (fact !== undefined) found.set(path, fact);
    }
    return found;
  }

  /** Adds a package; of two with the same id the first one stays. */
  enter(entered: Package): Package {
    const known = this.packages.get(entered.id);
    if (known !== undefined) return known;
    this.packages.set(entered.id, entered);
    return entered;
  }

  /** Sets the owner of a path, if it has none: catalogues are called in the order of their authority. */
  own(leaf: Leaf | undefined, owner: Package | undefined, kind: Kind): void {
    if (leaf === undefined || leaf.kind !== undefined) return;
    leaf.kind = kind;
    if (owner !== undefined) leaf.owner = owner;
  }

  #sum(of: (leaf: Leaf) => number): number {
    let sum = 0;
    for (const leaf of this.leaves.values()) sum += of(leaf);
    return sum;
  }

  #find(path: string): Directory | Leaf | undefined {
    let node: Directory | Leaf | undefined = this.#root;
    if (path === '') return node;
    for (const name of path.split('/')) {
      if (node === undefined || !isDirectory(node)) return undefined;
      node = node.children.get(name);
    }
    return node;
  }

  #add(at: number, { index, facts }: CountedLayer): void {
    this.#facts.push(facts);
    this.bytes.push(0);
    this.files.push(0);
    this.changes.push(new LayerChanges());
    const contents = new Map<string, Leaf>();
    this.#parent = undefined;
    const { linked } = index;
    for (const entry of index.entries()) this.#enter(at, entry, { contents, linked });
  }

  #enter(at: number, entry: RecipeEntry, links: Links): void {
    const { path, type } = entry;
    if (path === '') {
      if (entry.opaque) this.#clear(at, this.#root);
      Object.assign(this.#root, { entry, layer: at });
      return;
    }
    const name = nameOf(path);
    const folder = parentOf(path);
    // Entries are in order: most have the parent of the one before.
    if (this.#parent?.path !== folder)
      this.#parent = { path: folder, node: this.#enterDirectory(at, folder) };
    const parent = this.#parent.node;
    if (type === 'whiteout') {
      const hidden = parent.children.get(name);
      if (hidden === undefined) return;
      this.changes[at]!.add('deleted', hidden.entry);
      this.#hide(at, hidden, 'deleted');
      parent.children.delete(name);
      return;
    }
    const existing = parent.children.get(name);
    const change = existing === undefined ? 'added' : 'changed';
    if (type === 'directory') {
      if (existing !== undefined && isDirectory(existing)) {
        if (entry.opaque) this.#clear(at, existing);
        if (!sameFacts(existing.entry, entry)) this.changes[at]!.add(change, entry);
        Object.assign(existing, { entry, layer: at });
        return;
      }
      if (existing !== undefined) this.#hide(at, existing, 'overwritten');
      parent.children.set(name, { entry, layer: at, children: new Map() });
      this.changes[at]!.add(change, entry);
      return;
    }
    const leaf = this.#leafOf(at, entry, links);
    if (existing !== undefined) {
      const { digest } = (isDirectory(existing) ? undefined : existing.content) ?? {};
      const same = digest !== undefined && digest === leaf.content?.digest;
      this.#hide(at, existing, same ? 'metadata' : 'overwritten');
    }
    parent.children.set(name, leaf);
    this.changes[at]!.add(change, entry);
  }

  #leafOf(at: number, entry: RecipeEntry, { contents, linked }: Links): Leaf {
    const { path, type, size, link } = entry;
    if (type === 'hardlink') {
      const first = contents.get(link!);
      if (first !== undefined) first.names++;
      return new Leaf(entry, at, first);
    }
    const leaf = new Leaf(entry, at);
    if (type !== 'file') return leaf;
    if (linked.has(path)) contents.set(path, leaf);
    this.bytes[at]! += size;
    this.files[at]!++;
    return leaf;
  }

  /** A directory that a layer has paths in. If the layer does not list it, its entry stays as it was below. */
  #enterDirectory(at: number, path: string): Directory {
    let node = this.#root;
    if (path === '') return node;
    let walked = '';
    for (const name of path.split('/')) {
      walked = join(walked, name);
      const child = node.children.get(name);
      if (child !== undefined && isDirectory(child)) {
        node = child;
        continue;
      }
      const made = directory(walked, at);
      if (child !== undefined) {
        this.#hide(at, child, 'overwritten');
        this.changes[at]!.add('changed', made.entry);
      }
      node.children.set(name, made);
      node = made;
    }
    return node;
  }

  #clear(at: number, from: Directory): void {
    for (const [name, child] of from.children) {
      this.changes[at]!.add('deleted', child.entry);
      this.#hide(at, child, 'deleted');
      from.children.delete(name);
    }
  }

  #hide(at: number, node: Directory | Leaf, reason: WasteReason): void {
    const hideLeaf = ({ content }: Leaf) => {
      if (content === undefined) return;
      content.names--;
      this.#hidden.set(content, { by: at, reason });
    };
    this.#parent = undefined;
    if (isDirectory(node)) visit(node, hideLeaf);
    else hideLeaf(node);
  }
}

function directory(path: string, layer: number): Directory {
  const entry: Entry = { path, type: 'directory', mode: 0o755, uid: 0, gid: 0, size: 0, mtime: 0 };
  return { entry, layer, children: new Map() };
}

function isDirectory(node: Directory | Leaf): node is Directory {
  return !(node instanceof Leaf);
}

function leafOf(node: Directory | Leaf | undefined): Leaf | undefined {
  return node instanceof Leaf ? node : undefined;
}

function visit(from: Directory, see: (leaf: Leaf) => void): void {
  for (const leaf of leavesOf(from)) see(leaf);
}

/** Without recursion: trees may be as deep as a path is long. */
function* leavesOf(from: Directory): Generator<Leaf> {
  const stack: Iterator<Directory | Leaf>[] = [sortedChildren(from)];
  while (stack.length > 0) {
    const { done, value } = stack.at(-1)!.next();
    if (done) stack.pop();
    else if (isDirectory(value)) stack.push(sortedChildren(value));
    else yield value;
  }
}

function sortedChildren({ children }: Directory): Iterator<Directory | Leaf> {
  const names = [...children.keys()].sort(comparePaths);
  return names.map((name) => children.get(name)!)[Symbol.iterator]();
}

function sameFacts(a: Entry, b: Entry): boolean {
  return a.mode === b.mode && a.uid === b.uid && a.gid === b.gid && a.mtime === b.mtime;
}
