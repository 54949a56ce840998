import type { Entry } from '../layer/entry.ts';

/** What a layer does to one path of the tree below it. */
export interface Change {
  readonly path: string;
  readonly change: 'added' | 'changed' | 'deleted';
  /** What the layer has there; of a deleted path what was there. */
  readonly entry: Entry;
  /** Bytes of content that the layer brings for it. */
  readonly bytes: number;
}

/** What a layer does to the tree below it, in the order of its entries: two columns, since most layers add everything. */
export class LayerChanges implements Iterable<Change> {
  readonly #kinds: Change['change'][] = [];
  readonly #entries: Entry[] = [];
  #changed: ReadonlySet<string> | undefined;

  add(change: Change['change'], entry: Entry): void {
    this.#changed = undefined;
    this.#kinds.push(change);
    this.#entries.push(entry);
  }

  get length(): number {
    return this.#kinds.length;
  }

  *[Symbol.iterator](): Generator<Change> {
    for (const [at, entry] of this.#entries.entries()) {
      const change = this.#kinds[at]!;
      const bytes = change !== 'deleted' && entry.type === 'file' ? entry.size : 0;
      yield { path: entry.path, change, entry, bytes };
    }
  }

  /** Whether the layer has another file at a path than the one below. */
  replaces(path: string): boolean {
    this.#changed ??= new Set(
      this.#entries.flatMap((entry, at) => (this.#kinds[at] === 'changed' ? entry.path : [])),
    );
    return this.#changed.has(path);
  }

  has(path: (path: string) => boolean): boolean {
    return this.#entries.some((entry) => path(entry.path));
  }
}
