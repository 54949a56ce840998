import { parentOf } from '../../layer/entry.ts';
import type { Tree } from '../../layer/tree.ts';

/** A directory as a layer repeats it: without its time, which a layer must not depend on. */
export interface DirectoryLook {
  mode: number;
  uid: number;
  gid: number;
  xattrs?: Record<string, string>;
}

/**
 * The tree that a step writes to, as far as the step may see it: every answer that it gives is part of the step's key.
 * What makes a layer gets this in place of a `Tree`, so that nothing can decide a result without being observed.
 *
 * A step is deterministic: what it asks next follows from its instruction, what it copies, and the answers so far. So
 * the answers "no" need not be listed, two trees with equal lists of the others have been asked the same questions.
 * Questions are as narrow as what they decide, so that a layer stays the same when all else below it changes.
 */
export class ObservedTree {
  readonly #tree: Tree;
  readonly #facts = new Map<string, string>();
  /** Paths where no directory is: nothing is below them, which need not be looked up. */
  readonly #bare = new Set<string>();

  constructor(tree: Tree) {
    this.#tree = tree;
  }

  /** The target of a symlink as written; undefined where none is. */
  linkAt(path: string): string | undefined {
    const found = this.#get(path);
    if (found?.type !== 'symlink') return undefined;
    this.#facts.set(path, `-> ${found.link!}`);
    return found.link!;
  }

  isDirectory(path: string): boolean {
    if (this.#get(path)?.type !== 'directory') return false;
    // What has been said of how it looks says this, too.
    if (!this.#facts.has(path)) this.#facts.set(path, 'directory');
    return true;
  }

  /** Whether something is there that is not a directory. */
  isObstructed(path: string): boolean {
    const found = this.#get(path);
    if (found === undefined || found.type === 'directory') return false;
    if (!this.#facts.has(path)) this.#facts.set(path, 'obstructed');
    return true;
  }

  /** How a directory looks. @throws Error where none is */
  lookAt(path: string): DirectoryLook {
    const found = this.#get(path);
    if (found?.type !== 'directory') throw new Error(`not a directory: ${path}`);
    const { mode, uid, gid, xattrs } = found;
    const text = `directory ${mode.toString(8).padStart(4, '0')} ${uid}:${gid}`;
    this.#facts.set(path, xattrs === undefined ? text : `${text} ${JSON.stringify(sorted(xattrs))}`);
    return { mode, uid, gid, ...(xattrs === undefined ? {} : { xattrs }) };
  }

  /** All answers but "no" by path, e.g. `{ "srv": "directory 0755 0:0", "var/run": "-> /run" }`. */
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
