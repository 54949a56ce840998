import type { Census } from '../inspect/census.ts';
import type { Change } from '../inspect/layer-changes.ts';
import type { Leaf } from '../inspect/leaf.ts';
import { comparePaths, type Entry } from '../layer/entry.ts';

/** The status of a path in a view that compares two states of an image. */
export const STATUS = { absent: 0, unchanged: 1, added: 2, changed: 3, removed: 4 } as const;

/** Every path of a view: its status and the event that it shows, by node. */
export interface Snapshot {
  /** One of `STATUS`. */
  status: Uint8Array;
  /** The event that the path shows; of a removed path the last one before. -1 where it is absent. */
  event: Int32Array;
}

/**
 * All paths of all layers of an image, as flat arrays: node 0 is the root, parents come before their children, and
 * everything below a node is between it and its `ends`. The state after any layer is computed in one pass over arrays of
 * numbers, so that the explorer reacts at once.
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
  /** The entry that an event gave its path; undefined if it removed the path. */
  readonly entries: readonly (Entry | undefined)[];
  /** The content of each event's file: a number, -1 without one. Hard links have that of their file. */
  readonly contentOf: Int32Array;
  readonly layerOf: Int32Array;
  /** The events of node `n` are those from `#starts[n]` to `#starts[n + 1]`, by layer. */
  readonly #starts: Int32Array;

  constructor({ changes }: Pick<Census, 'changes'>) {
    const { paths, names, parents, depths } = nodesOf(unionOf(changes.map(pathsOf)));
    this.paths = paths;
    this.names = names;
    this.parents = Int32Array.from(parents);
    this.depths = Uint16Array.from(depths);
    this.ends = endsOf(this.parents);
    const events = new Events(this);
    for (const [layer, ofLayer] of changes.entries()) events.add(layer, ofLayer);
    const { starts, order } = events.byNode();
    this.#starts = starts;
    this.entries = Array.from(order, (event) => events.entries[event]);
    this.contentOf = order.map((event) => events.contentOf[event]!);
    this.layerOf = order.map((event) => events.layerOf[event]!);
    this.contents = events.contents;
  }

  /** How many nodes there are, the root included. */
  get size(): number {
    return this.paths.length;
  }

  /**
   * The state after a layer, compared with that before another one.
   *
   * @param layer position of the last layer that counts
   * @param since the first layer whose events count as changes; at most `layer`
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

/** The paths of a layer's changes, sorted. */
function pathsOf(changes: Iterable<Change>): string[] {
  const paths: string[] = [];
  let isSorted = true;
  for (const { path } of changes) {
    const last = paths.at(-1);
    if (last === path) continue;
    if (last !== undefined && comparePaths(last, path) > 0) isSorted = false;
    paths.push(path);
  }
  return isSorted ? paths : [...new Set(paths)].sort(comparePaths);
}

/** Merges sorted lists, the short ones first, so that the longest is copied once. */
function unionOf(lists: string[][]): string[] {
  const todo = lists.sort((a, b) => b.length - a.length);
  while (todo.length > 1) {
    const merged = merge(todo.pop()!, todo.pop()!);
    let at = todo.length;
    while (at > 0 && todo[at - 1]!.length < merged.length) at--;
    todo.splice(at, 0, merged);
  }
  return todo[0] ?? [];
}

function merge(a: readonly string[], b: readonly string[]): string[] {
  const merged: string[] = [];
  let at = 0;
  for (const path of b) {
    let order = -1;
    while (at < a.length) {
      order = comparePaths(a[at]!, path);
      if (order >= 0) break;
      merged.push(a[at++]!);
    }
    if (order === 0 && at < a.length) at++;
    merged.push(path);
  }
  while (at < a.length) merged.push(a[at++]!);
  return merged;
}

/** All nodes of sorted paths: the root, and directories that are only implied, too. */
function nodesOf(sorted: readonly string[]) {
  const paths = [''];
  const names = [''];
  const parents = [-1];
  const depths = [0];
  const above = [0];
  const push = (path: string, from: number) => {
    const node = paths.length;
    paths.push(path);
    names.push(path.slice(from));
    parents.push(above.at(-1)!);
    depths.push(above.length);
    above.push(node);
  };
  for (const path of sorted) {
    while (above.length > 1 && !isBelow(path, paths[above.at(-1)!]!)) above.pop();
    const folder = paths[above.at(-1)!]!.length;
    let from = folder === 0 ? 0 : folder + 1;
    for (let slash = path.indexOf('/', from); slash >= 0; slash = path.indexOf('/', from)) {
      push(path.slice(0, slash), from);
      from = slash + 1;
    }
    push(path, from);
  }
  return { paths, names, parents, depths };
}

function isBelow(path: string, folder: string): boolean {
  return path.charCodeAt(folder.length) === SLASH && path.startsWith(folder);
}

/** What the layers did to the nodes: events by number, each with the next one of its node. */
class Events {
  readonly entries: (Entry | undefined)[] = [];
  readonly contentOf: number[] = [];
  readonly layerOf: number[] = [];
  contents = 0;
  readonly #nexts: number[] = [];
  readonly #firsts: Int32Array;
  readonly #lasts: Int32Array;

  constructor(private readonly tree: Pick<FileTree, 'paths' | 'parents' | 'ends' | 'find'>) {
    const size = tree.paths.length;
    this.#firsts = new Int32Array(size).fill(-1);
    this.#lasts = new Int32Array(size).fill(-1);
  }

  add(layer: number, changes: Iterable<Change>): void {
    const { paths, parents } = this.tree;
    let node = 0;
    for (const { path, change, entry } of changes) {
      // Both are sorted, mostly.
      for (let steps = 0; paths[node] !== path; steps++)
        node = steps < STEPS ? node + 1 : this.tree.find(path)!;
      if (change === 'deleted') {
        this.#remove(node, layer);
        continue;
      }
      if (!this.#isDirectory(parents[node]!)) this.#enter(parents[node]!, layer);
      if (entry.type !== 'directory' && this.#isDirectory(node)) this.#removeBelow(node, layer);
      const isLink = entry.type === 'hardlink';
      const content =
        entry.type === 'file' ? this.contents++ : isLink ? this.#contentAt(entry.link!, layer) : -1;
      this.#push(node, layer, entry, content);
    }
  }

  /** All events, those of one node together; and where those of each node begin. */
  byNode(): { starts: Int32Array; order: Int32Array } {
    const size = this.#firsts.length;
    const starts = new Int32Array(size + 1);
    const order = new Int32Array(this.entries.length);
    let at = 0;
    for (let node = 0; node < size; node++) {
      starts[node] = at;
      for (let event = this.#firsts[node]!; event >= 0; event = this.#nexts[event]!) order[at++] = event;
    }
    starts[size] = at;
    return { starts, order };
  }

  #now(node: number): Entry | undefined {
    const last = this.#lasts[node]!;
    return last < 0 ? undefined : this.entries[last];
  }

  #isDirectory(node: number): boolean {
    return node === 0 || this.#now(node)?.type === 'directory';
  }

  /** A directory that no layer lists, but that a layer has a path in. */
  #enter(node: number, layer: number): void {
    const parent = this.tree.parents[node]!;
    if (!this.#isDirectory(parent)) this.#enter(parent, layer);
    const path = this.tree.paths[node]!;
    this.#push(node, layer, { path, type: 'directory', mode: 0o755, uid: 0, gid: 0, size: 0, mtime: 0 }, -1);
  }

  /** Removes a path, and everything below it. */
  #remove(node: number, layer: number): void {
    if (this.#isDirectory(node)) this.#removeBelow(node, layer);
    if (this.#now(node) !== undefined) this.#push(node, layer, undefined, -1);
  }

  #removeBelow(node: number, layer: number): void {
    for (let at = node + 1; at < this.tree.ends[node]!; at++) {
      if (this.#now(at) !== undefined) this.#push(at, layer, undefined, -1);
    }
  }

  /** The content of a hard link: that of its file in the same layer. */
  #contentAt(path: string, layer: number): number {
    const node = this.tree.find(path);
    const last = node === undefined ? -1 : this.#lasts[node]!;
    return last >= 0 && this.layerOf[last] === layer ? this.contentOf[last]! : -1;
  }

  #push(node: number, layer: number, entry: Entry | undefined, content: number): void {
    const event = this.entries.length;
    this.entries.push(entry);
    this.contentOf.push(content);
    this.layerOf.push(layer);
    this.#nexts.push(-1);
    const last = this.#lasts[node]!;
    if (last < 0) this.#firsts[node] = event;
    else this.#nexts[last] = event;
    this.#lasts[node] = event;
  }
}

/** Nodes to step over before a binary search for the path begins. */
const STEPS = 32;
