import type { Census } from './census.ts';
import type { RandomAccess } from './random-access.ts';

/**
 * A catalogue finds the packages of one kind: one file, and one line in `catalogues.ts`. `read`, `scan` and `lookInto` get
 * contents while a layer is read for the first time. What they return (the facts) is stored with the layer's index, so it
 * is JSON, and contains all that `own` needs. `own` is pure.
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
  /** The facts of a file; undefined if it has none. Files may be hostile: must not throw, and take linear time. */
  read?(path: string, content: Buffer): Fact | undefined;
  /** The same for files of any size. */
  scan?(path: string, size: number): { data(chunk: Buffer): void; end(): Fact | undefined };
  /** The same for archives, whose table of contents is at their end. */
  lookInto?(path: string, file: RandomAccess): Fact | undefined;
  /** Adds its packages, and the paths that they own, to the census. @param facts by path, of files of the final tree */
  own(census: Census, facts: ReadonlyMap<string, Fact>): void;
}
