import type { Tree, TreeEntry } from '../layer/tree.ts';
import type { IgnoreRules } from './ignore.ts';

/** The files that COPY and ADD without `--from` choose from. */
export interface Context extends Tree {
  /** What to call it in messages, as the user typed it, e.g. `.`. */
  readonly label: string;
  /** What hides paths from the build; the tree does not show what they exclude. */
  readonly ignore: IgnoreRules;
  /**
   * What stands at a path, or above it, that Jettison itself writes: the tree does not show it, whatever the ignore
   * rules say. For messages, e.g. `the store`.
   */
  reserved?(path: string): string | undefined;
  /**
   * Fills in `digest` where it is missing. Entries that are no files are left alone.
   *
   * @param entries of this context, as `get` gave them
   * @throws JettisonError `CONTEXT_UNREADABLE`, `CONTEXT_CHANGED`
   */
  hash(entries: Iterable<TreeEntry>): Promise<void>;
}
