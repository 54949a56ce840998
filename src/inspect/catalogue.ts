import type { Census } from './census.ts';
import type { RandomAccess } from './random-access.ts';

/**
 * A place in which images keep lists of packages: one file, and one line in `catalogues.ts`. `read`, `scan` and `lookInto`
 * see contents while a layer is read for the first time; their result is kept with the layer's index, so it is JSON, and
 * has all that `own` needs. `own` is pure.
 */
export interface Catalogue<Fact = unknown> {
  readonly id: string;
  /**
   * Whether the catalogue reads that file.
   *
   * @param path relative to the root
   * @returns `whole`: `read` gets all of it, up to 64 MiB; `pieces`: `scan` gets it as it comes, of any size; `random`:
   * `lookInto` reads where it likes, from memory or a temporary file; undefined: none of these
   */
  wants(path: string, size: number, mode: number): 'whole' | 'pieces' | 'random' | undefined;
  /** What is worth keeping of a file; undefined for nothing. Hostile: must not throw, and take linear time. */
  read?(path: string, content: Buffer): Fact | undefined;
  /** The same for files of any size. */
  scan?(path: string, size: number): { data(chunk: Buffer): void; end(): Fact | undefined };
  /** The same for archives, whose table of contents is at their end. */
  lookInto?(path: string, file: RandomAccess): Fact | undefined;
  /** Enters its packages, and the paths that they own, into the census. @param facts by path, of files still there */
  own(census: Census, facts: ReadonlyMap<string, Fact>): void;
}
