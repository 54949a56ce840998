import { parentOf } from '../../layer/entry.ts';
import type { Tree } from '../../layer/tree.ts';

/** Metadata of a directory that a layer repeats: without its time, on which the layer must not depend. */
export interface DirectoryLook {
  mode: number;
  uid: number;
  gid: number;
  xattrs?: Record<string, string>;
}

/**
 * A step's view of the tree that it writes to: every answer becomes part of the step's key. Placement code gets this
 * instead of a `Tree`, so that nothing can influence its result without being observed.
 *
 * A step is deterministic: its next question follows from its instruction, its inputs, and the answers so far. Two trees
 * with equal positive answers have therefore been asked the same questions, and negative answers need not be listed.
 * Each question is as narrow as the decision that depends on it, so that a layer is reused when other facts change.
 */
export class ObservedTree {
  readonly #tree: Tree;
  readonly #facts = new Map<string, string>();
  /** Paths that are not directories: paths below them need no lookup. */
  readonly #bare = new Set<string>();

  constructor(tree: Tree) {
    this.#tree = tree;
  }

  /** The target of a symlink as written; undefined if the path is not a symlink. */
  linkAt(path: string): string | undefined {
    const found = this.#get(path);
    if (found?.type !== 'symlink') return undefined;
    this.#facts.set(path, `-> ${found.link!}`);
    return found.link!;
  }

  isDirectory(path: string): boolean {
    if (this.#get(path)?.type !== 'directory') return false;
    // A recorded `lookAt` includes this answer.
    if (!this.#facts.has(path)) this.#facts.set(path, 'directory');
    return true;
  }

  /** Whether the path exists and is not a directory. */
  isObstructed(path: string): boolean {
    const found = this.#get(path);
    if (found === undefined || found.type === 'directory') return false;
    if (!this.#facts.has(path)) this.#facts.set(path, 'obstructed');
    return true;
  }

  /** The metadata of a directory. @throws Error if it is not a directory */
  lookAt(path: string): DirectoryLook {
    const found = this.#get(path);
    if (found?.type !== 'directory') throw new Error(`not a directory: ${path}`);
    const { mode, uid, gid, xattrs } = found;
    const text = `directory ${mode.toString(8).padStart(4, '0')} ${uid}:${gid}`;
    this.#facts.set(path, xattrs === undefined ? text : `${text} ${JSON.stringify(sorted(xattrs))}`);
    return { mode, uid, gid, ...(xattrs === undefined ? {} : { xattrs }) };
  }

  /** All positive answers by path, e.g. `{ "srv": "directory 0755 0:0", "var/run": "-> /run" }`. */
  get facts(): Record<string, string> {
    return Object.fromEntries(this.#facts);
  }

  #get(path: string) {
    if (path !== '' && this.#bare.has(parentOf(path))) {
      this.#bare.add(path);
      return undefined;
    }
    const found = this.#tree.get(path);
    if (found?.type !== 'directory') this.#bare.add(path);
    return found;
  }
}

function sorted(xattrs: Record<string, string>): [string, string][] {
  return Object.entries(xattrs).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}
