import { type FileTree, type Snapshot, STATUS } from './file-tree.ts';
import { exactMatcher, ignoresCase } from './match.ts';

/** Statuses that can be left out of the view. */
export type Hideable = 'added' | 'changed' | 'removed' | 'unchanged';

/**
 * The visible part of a tree: which paths pass the toggles and the filter, which directories are closed, and the order.
 * `rows` is the flat list of visible nodes; moving the cursor computes nothing.
 */
export class TreeView {
  /** Bytes of what is shown at and below each node, hard links once; removed files do not count. */
  readonly bytes: Float64Array;
  /** Files that these bytes are of. */
  readonly files: Int32Array;
  /** Whether something at or below a node was added, changed or removed. */
  readonly touched: Uint8Array;
  snapshot: Snapshot;
  rows: Int32Array = new Int32Array(0);
  sort: 'name' | 'size' = 'name';
  readonly hidden = new Set<Hideable>();
  #shown: Uint8Array;
  #absolute: { exact: string[]; folded: string[] } | undefined;
  #matches: Uint8Array | undefined;
  #scope: Uint8Array | undefined;
  #filter = '';
  /** Closed directories: as they are without a filter, and with one, which opens all at first. */
  #closed: Uint8Array;
  #closedInFilter: Uint8Array;
  readonly #seen: Int32Array;
  #stamp = 0;

  constructor(readonly tree: FileTree) {
    const { size } = tree;
    this.bytes = new Float64Array(size);
    this.files = new Int32Array(size);
    this.touched = new Uint8Array(size);
    this.#shown = new Uint8Array(size);
    this.#closed = new Uint8Array(size).fill(1);
    this.#closedInFilter = new Uint8Array(size);
    this.#seen = new Int32Array(tree.contents);
    this.snapshot = { status: new Uint8Array(size), event: new Int32Array(size).fill(-1) };
  }

  get filter(): string {
    return this.#filter;
  }

  show(snapshot: Snapshot): void {
    this.snapshot = snapshot;
    this.update();
  }

  /** Shows only paths that match a typed text; all for an empty one. */
  setFilter(text: string): void {
    if (text === this.#filter) return;
    if (this.#filter === '') this.#closedInFilter.fill(0);
    this.#filter = text;
    if (text === '') {
      this.#matches = undefined;
    } else {
      const paths = this.prepareFilter()[ignoresCase(text) ? 'folded' : 'exact'];
      const matches = exactMatcher(text);
      const found = new Uint8Array(paths.length);
      for (let node = 0; node < found.length; node++) found[node] = matches(paths[node]!) ? 1 : 0;
      this.#matches = found;
    }
    this.update();
  }

  /** Paths as filters compare them; computed before the first filter. */
  prepareFilter(): { exact: string[]; folded: string[] } {
    if (this.#absolute === undefined) {
      const exact = this.tree.paths.map((path) => `/${path}`);
      this.#absolute = { exact, folded: exact.map((path) => path.toLowerCase()) };
    }
    return this.#absolute;
  }

  /** From the next `show` or `update` on, only some nodes are shown, e.g. those of a package; all for undefined. */
  setScope(scope: Uint8Array | undefined): void {
    this.#scope = scope;
    this.#closedInFilter.fill(0);
  }

  toggle(status: Hideable): void {
    if (!this.hidden.delete(status)) this.hidden.add(status);
    this.update();
  }

  isDirectory(node: number): boolean {
    const event = this.snapshot.event[node]!;
    return event >= 0 && this.tree.entries[event]?.type === 'directory';
  }

  isClosed(node: number): boolean {
    return this.#folds[node] === 1;
  }

  setClosed(node: number, closed: boolean): void {
    this.#folds[node] = closed ? 1 : 0;
    this.list();
  }

  /** Closes all directories; opens all when all are closed. */
  toggleAll(): void {
    const folds = this.#folds;
    const hasOpen = this.rows.some((node) => this.isDirectory(node) && folds[node] === 0);
    folds.fill(hasOpen ? 1 : 0);
    this.list();
  }

  /** Opens all directories above a node. */
  reveal(node: number): void {
    for (let at = this.tree.parents[node]!; at > 0; at = this.tree.parents[at]!) this.#folds[at] = 0;
    this.list();
  }

  /** The row of a node, else of the nearest directory above it that has one; 0 without any. */
  rowOf(node: number): number {
    for (let at = node; at > 0; at = this.tree.parents[at]!) {
      const row = this.rows.indexOf(at);
      if (row >= 0) return row;
    }
    return 0;
  }

  get #folds(): Uint8Array {
    return this.#filter === '' && this.#scope === undefined ? this.#closed : this.#closedInFilter;
  }

  /** Computes the sums again, after the set of shown nodes has changed. */
  update(): void {
    const { tree, bytes, files, touched } = this;
    const { status, event } = this.snapshot;
    const { entries, contentOf, parents } = tree;
    const shown = this.#shown;
    const matches = this.#matches;
    const scope = this.#scope;
    const hides = [
      true,
      ...(['unchanged', 'added', 'changed', 'removed'] as const).map((one) => this.hidden.has(one)),
    ];
    const stamp = ++this.#stamp;
    for (let node = 0; node < shown.length; node++) {
      const is = status[node]!;
      const passes = hides[is] === false && matches?.[node] !== 0 && scope?.[node] !== 0;
      shown[node] = passes ? 1 : 0;
      touched[node] = is > STATUS.unchanged ? 1 : 0;
      bytes[node] = 0;
      files[node] = 0;
      if (!passes || is === STATUS.removed) continue;
      const content = contentOf[event[node]!]!;
      if (content < 0 || this.#seen[content] === stamp) continue;
      this.#seen[content] = stamp;
      bytes[node] = entries[event[node]!]!.size;
      files[node] = 1;
    }
    for (let node = shown.length - 1; node > 0; node--) {
      const parent = parents[node]!;
      if (shown[node] === 1) shown[parent] = 1;
      if (touched[node] === 1) touched[parent] = 1;
      bytes[parent]! += bytes[node]!;
      files[parent]! += files[node]!;
    }
    this.list();
  }

  /** Lists the visible rows again, after directories were opened or closed, or the order has changed. */
  list(): void {
    this.rows = this.sort === 'name' ? this.#byName() : this.#bySize();
  }

  #byName(): Int32Array {
    const { ends } = this.tree;
    const folds = this.#folds;
    const shown = this.#shown;
    const rows: number[] = [];
    for (let node = 1; node < shown.length; ) {
      if (shown[node] === 1) rows.push(node);
      node = shown[node] === 0 || folds[node] === 1 ? ends[node]! : node + 1;
    }
    return Int32Array.from(rows);
  }

  #bySize(): Int32Array {
    const rows: number[] = [];
    const folds = this.#folds;
    const todo = this.#childrenBySize(0);
    for (let node = todo.pop(); node !== undefined; node = todo.pop()) {
      rows.push(node);
      if (folds[node] === 1 || this.tree.ends[node] === node + 1) continue;
      for (const child of this.#childrenBySize(node)) todo.push(child);
    }
    return Int32Array.from(rows);
  }

  /** The largest last. */
  #childrenBySize(parent: number): number[] {
    const { ends } = this.tree;
    const children: number[] = [];
    for (let node = parent + 1; node < ends[parent]!; node = ends[node]!) {
      if (this.#shown[node] === 1) children.push(node);
    }
    return children.sort((a, b) => this.bytes[a]! - this.bytes[b]! || b - a);
  }
}
