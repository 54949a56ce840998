import type { Entry } from '../layer/entry.ts';
import type { Kind, Package } from './package.ts';

/** The content of a file, however many names it has. */
export interface Content {
  /** The layer that has it: a position in the image, lowest first. */
  readonly layer: number;
  /** Its first name in that layer. */
  readonly path: string;
  readonly size: number;
  readonly digest: string | undefined;
}

/**
 * A path of the final tree that is not a directory. Images have hundreds of thousands, so there is no object per content:
 * the leaf of its first name has its facts.
 */
export class Leaf implements Content {
  /** The package that owns it, set by catalogues. */
  owner: Package | undefined = undefined;
  kind: Kind | undefined = undefined;
  /** Of a content: the number of its names in the final tree. */
  names = 1;
  /** Of a content: the first of these names, under which its bytes are counted. */
  shown: string | undefined = undefined;
  readonly #first: Leaf | undefined;

  /**
   * @param layer the layer that it is from
   * @param first of a further name: the first one of the content
   */
  constructor(
    readonly entry: Entry,
    readonly layer: number,
    first?: Leaf,
  ) {
    this.#first = first;
  }

  get path(): string {
    return this.entry.path;
  }

  get size(): number {
    return this.entry.size;
  }

  get digest(): string | undefined {
    return this.entry.digest;
  }

  /** Of files and their further names. */
  get content(): Leaf | undefined {
    return this.entry.type === 'file' ? this : this.#first;
  }
}

/** Leaves by their paths, in canonical order. */
export class Leaves {
  readonly #inOrder: readonly Leaf[];
  readonly #at: (path: string) => Leaf | undefined;

  /** @param at finds the leaf of a path */
  constructor(inOrder: readonly Leaf[], at: (path: string) => Leaf | undefined) {
    this.#inOrder = inOrder;
    this.#at = at;
  }

  get(path: string): Leaf | undefined {
    return this.#at(path);
  }

  has(path: string): boolean {
    return this.#at(path) !== undefined;
  }

  values(): ArrayIterator<Leaf> {
    return this.#inOrder.values();
  }

  *keys(): Generator<string> {
    for (const { path } of this.#inOrder) yield path;
  }

  *[Symbol.iterator](): Generator<[path: string, leaf: Leaf]> {
    for (const leaf of this.#inOrder) yield [leaf.path, leaf];
  }

  get size(): number {
    return this.#inOrder.length;
  }
}

/** The bytes of a leaf's content; 0 for further names of a file. */
export function bytesOf({ path, content }: Leaf): number {
  return content?.shown === path ? content.size : 0;
}

/** The number of files that a leaf counts as: 1; 0 for further names of a file, and for other kinds. */
export function filesOf({ path, content }: Leaf): 0 | 1 {
  return content?.shown === path ? 1 : 0;
}
