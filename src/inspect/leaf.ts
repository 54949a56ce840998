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
  /** How many of its names can still be seen. */
  names: number;
  /** The first of them, under which its bytes are counted. */
  shown: string | undefined;
}

/** A path of the image that can be seen. */
export interface Leaf {
  readonly path: string;
  readonly entry: Entry;
  /** The layer that it is from. */
  readonly layer: number;
  /** Of files and their further names. */
  readonly content: Content | undefined;
  /** Who owns it: entered by catalogues. */
  owner: Package | undefined;
  kind: Kind | undefined;
}

/** The bytes that a leaf of a census stands for: its content's; 0 under the further names of a file. */
export function bytesOf({ path, content }: Leaf): number {
  return content?.shown === path ? content.size : 0;
}

/** How many files a leaf stands for: 1; 0 under the further names of a file, and for what is no file. */
export function filesOf({ path, content }: Leaf): 0 | 1 {
  return content?.shown === path ? 1 : 0;
}
