import type { Tree, TreeEntry } from '../layer/tree.ts';
import type { ModeChange } from '../solve/copy/mode.ts';

/**
 * A tree that can say in one word what stands at a path, with all below it: two words are equal when a COPY of the two
 * would make the same. Words are kept for parts that do not change, so that a commit costs what it changed.
 */
export interface DigestTree extends Tree {
  /** @param mode what the copy does to modes, and its text */
  digest(path: string, mode?: NamedMode): string;
}

/** `--chmod` as written, and what it does. */
export interface NamedMode {
  text: string;
  change: ModeChange;
}

/** The word of one entry that is not a directory. */
export function leafDigest(entry: TreeEntry, mode?: NamedMode): string {
  const { type, link = '', digest = '' } = entry;
  const bits = type === 'symlink' || mode === undefined ? entry.mode : mode.change.apply(entry.mode, false);
  return `${type} ${bits.toString(8)} ${entry.uid}:${entry.gid} ${digest} ${link}`;
}
