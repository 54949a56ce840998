import type { Census, Change, Leaf } from '../inspect/census.ts';
import { comparePaths, type Entry, join, parentOf } from '../layer/entry.ts';

/** What a path is in a view that compares two states of an image. */
export const STATUS = { absent: 0, unchanged: 1, added: 2, changed: 3, removed: 4 } as const;

/** Every path of a view: its status and the event that it shows, by node. */
export interface Snapshot {
  /** One of `STATUS`. */
  status: Uint8Array;
  /** The event that the path shows; of a removed path the last one before. -1 where it is absent. */
  event: Int32Array;
}

/**
 * All paths that an image ever had, in any of its layers, as flat arrays: node 0 is the root, parents come before what
 * is in them, and everything below a node is between it and its `ends`. The state after any layer is one pass over
 * arrays of numbers, so that no key waits for a walk of a tree.
 */
export class FileTree {
  readonly paths: readonly string[];
  readonly names: readonly string[];
  readonly parents: Int32Array;
  /** The node after the last one below each. */
  readonly ends: Int32Array;
  readonly depths: Uint16Array;
  /** How many different contents files have: events refer to them by number. */
  readonly contents: number;
  /** What an event made of its path; undefined: removed it. */
  readonly entries: readonly (Entry | undefined)[];
  /** The content of each event's file: a number, -1 without one. Hard links have that of their file. */
  readonly contentOf: Int32Array;
  readonly layerOf: Int32Array;
  /** The events of node `n` are those from `#starts[n]` to `#starts[n + 1]`, by layer. */
  readonly #starts: Int32Array;

  constructor({ changes }: Pick<Census, 'changes'>) {
    const draft = new Draft();
    for (const [layer, ofLayer] of changes.entries()) draft.add(layer, ofLayer);
    const { order, parents, depths } = draft.order();
    this.paths = order.map((id) => draft.paths[id]!);
    this.names = order.map((id) => draft.names[id]!);
    this.parents = parents;
    this.depths = depths;
    this.ends = endsOf(parents);
    this.contents = draft.contents;
    const entries: (Entry | undefined)[] = [];
    this.#starts = new Int32Array(order.length + 1);
    this.contentOf = new Int32Array(draft.entries.length);
    this.layerOf = new Int32Array(draft.entries.length);
    for (const [node, id] of order.entries()) {
      this.#starts[node] = entries.length;
      for (let event = draft.firsts[id]!; event >= 0; event = draft.nexts[event]!) {
        this.contentOf[entries.length] = draft.contentOf[event]!;
        this.layerOf[entries.length] = draft.layerOf[event]!;
        entries.push(draft.entries[event]);
      }
    }
    this.#starts[order.length] = entries.length;
    this.entries = entries;
  }

  /** How many nodes there are, the root included. */
  get size(): number {
    return this.paths.length;
  }

  /**
   * The state after a layer, compared with that before another one.
   *
   * @param layer position of the last layer that counts
   * @param since what layers from this one on did is a change; at most `layer`
   */
  at(layer: number, since: number): Snapshot {
    const status = new Uint8Array(this.size);
    const event = new Int32Array(this.size).fill(-1);
    const { entries, layerOf } = this;
    const starts = this.#starts;
    for (let node = 1; node < status.length; node++) {
      let before = -1;
      let now = -1;
      const end = starts[node + 1]!;
      for (let at = starts[node]!; at < end && layerOf[at]! <= layer; at++) {
        if (layerOf[at]! < since) before = at;
        now = at;
      }
      if (now < 0) continue;
      const was = before >= 0 && entries[before] !== undefined;
      if (entries[now] !== undefined) {
        event[node] = now;
        status[node] = now === before ? STATUS.unchanged : was ? STATUS.changed : STATUS.added;
      } else if (was) {
        event[node] = before;
        status[node] = STATUS.removed;
      }
    }
    return { status, event };
  }

  /** The node of a path; undefined when no layer ever had it. */
  find(path: string): number | undefined {
    let low = 0;
    let high = this.size - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const order = comparePaths(this.paths[middle]!, path);
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle - 1;
    }
    return undefined;
  }

  /** Marks the nodes of some leaves of the final tree with 1. @param leaves in canonical order */
  select(leaves: Iterable<Leaf>, belongs: (leaf: Leaf) => boolean): Uint8Array {
    const marks = new Uint8Array(this.size);
    let node = 0;
    for (const leaf of leaves) {
      // Both are in the same order, and every leaf is a node.
      while (node < this.size && this.paths[node] !== leaf.path) node++;
      if (belongs(leaf)) marks[node] = 1;
    }
    return marks;
  }

  /** The events of a node, the earliest first. */
  eventsOf(node: number): number[] {
    const events: number[] = [];
    for (let at = this.#starts[node]!; at < this.#starts[node + 1]!; at++) events.push(at);
    return events;
  }
}

function endsOf(parents: Int32Array): Int32Array {
  const ends = new Int32Array(parents.length);
  for (let node = parents.length - 1; node >= 0; node--) {
    if (ends[node] === 0) ends[node] = node + 1;
    const parent = parents[node]!;
    if (parent >= 0 && ends[parent]! < ends[node]!) ends[parent] = ends[node]!;
  }
  return ends;
}

const SLASH = 47;

/** A tree that grows, layer by layer: nodes and events by number, in the order in which they came. */
class Draft {
  readonly paths: string[] = [''];
  readonly names: string[] = [''];
  readonly children: (Map<string, number> | undefined)[] = [undefined];
  /** Of each node its first and its last event, -1 before there is one; of each event the next one. */
  readonly firsts: number[] = [-1];
  readonly lasts: number[] = [-1];
  readonly nexts: number[] = [];
  readonly entries: (Entry | undefined)[] = [];
  readonly contentOf: number[] = [];
  readonly layerOf: number[] = [];
  contents = 0;

  add(layer: number, changes: readonly Change[]): void {
    let parent = 0;
    for (const { path, change, entry } of changes) {
      // What comes one after the other is mostly in one directory.
      if (!this.#isIn(parent, path)) parent = this.#enter(parentOf(path), layer);
      const folder = this.paths[parent]!.length;
      const node = this.#child(parent, folder === 0 ? path : path.slice(folder + 1), path);
      if (change === 'deleted') {
        this.#remove(node, layer);
        continue;
      }
      if (entry.type !== 'directory') {
        for (const child of this.children[node]?.values() ?? []) this.#remove(child, layer);
      }
      const isLink = entry.type === 'hardlink';
      const content =
        entry.type === 'file' ? this.contents++ : isLink ? this.#contentAt(entry.link!, layer) : -1;
      this.#event(node, layer, entry, content);
    }
  }

  #isIn(directory: number, path: string): boolean {
    const folder = this.paths[directory]!;
    const { length } = folder;
    if (length === 0) return !path.includes('/');
    if (path.charCodeAt(length) !== SLASH || path.indexOf('/', length + 1) >= 0) return false;
    return path.startsWith(folder) && this.#isDirectory(directory);
  }

  /** What a hard link has: the content that its file got in the same layer. */
  #contentAt(path: string, layer: number): number {
    let node: number | undefined = 0;
    for (const name of path.split('/'))
      node = node === undefined ? undefined : this.children[node]?.get(name);
    const last = node === undefined ? -1 : this.lasts[node]!;
    return last >= 0 && this.layerOf[last] === layer ? this.contentOf[last]! : -1;
  }

  /** All nodes, parents before what is in them, names in canonical order. */
  order(): { order: number[]; parents: Int32Array; depths: Uint16Array } {
    const size = this.paths.length;
    const order: number[] = [];
    const parents = new Int32Array(size);
    const depths = new Uint16Array(size);
    const todo = [0];
    const todoParents = [-1];
    while (todo.length > 0) {
      const id = todo.pop()!;
      const parent = todoParents.pop()!;
      const node = order.length;
      order.push(id);
      parents[node] = parent;
      depths[node] = parent < 0 ? 0 : depths[parent]! + 1;
      const children = this.children[id];
      if (children === undefined) continue;
      for (const child of this.#sorted(children).reverse()) {
        todo.push(child);
        todoParents.push(node);
      }
    }
    return { order, parents, depths };
  }

  #sorted(children: ReadonlyMap<string, number>): number[] {
    const ids = [...children.values()];
    const { names } = this;
    // A single layer has them in order.
    if (ids.every((id, at) => at === 0 || comparePaths(names[ids[at - 1]!]!, names[id]!) < 0)) return ids;
    return ids.sort((a, b) => comparePaths(names[a]!, names[b]!));
  }

  #child(parent: number, name: string, path: string): number {
    let children = this.children[parent];
    if (children === undefined) {
      children = new Map();
      this.children[parent] = children;
    }
    const known = children.get(name);
    if (known !== undefined) return known;
    const id = this.paths.length;
    this.paths.push(path);
    this.names.push(name);
    this.children.push(undefined);
    this.firsts.push(-1);
    this.lasts.push(-1);
    children.set(name, id);
    return id;
  }

  /** A directory that a layer has something in, made where no layer lists it. */
  #enter(path: string, layer: number): number {
    let node = 0;
    if (path === '') return node;
    for (const name of path.split('/')) {
      const at = join(this.paths[node]!, name);
      node = this.#child(node, name, at);
      if (this.#isDirectory(node)) continue;
      this.#event(
        node,
        layer,
        { path: at, type: 'directory', mode: 0o755, uid: 0, gid: 0, size: 0, mtime: 0 },
        -1,
      );
    }
    return node;
  }

  #isDirectory(node: number): boolean {
    return node === 0 || this.#now(node)?.type === 'directory';
  }

  #now(node: number): Entry | undefined {
    const last = this.lasts[node]!;
    return last < 0 ? undefined : this.entries[last];
  }

  /** A path goes, and all below it. */
  #remove(from: number, layer: number): void {
    const todo = [from];
    for (let node = todo.pop(); node !== undefined; node = todo.pop()) {
      if (this.#now(node) === undefined) continue;
      this.#event(node, layer, undefined, -1);
      for (const child of this.children[node]?.values() ?? []) todo.push(child);
    }
  }

  #event(node: number, layer: number, entry: Entry | undefined, content: number): void {
    const event = this.entries.length;
    this.entries.push(entry);
    this.contentOf.push(content);
    this.layerOf.push(layer);
    this.nexts.push(-1);
    const last = this.lasts[node]!;
    if (last < 0) this.firsts[node] = event;
    else this.nexts[last] = event;
    this.lasts[node] = event;
  }
}
