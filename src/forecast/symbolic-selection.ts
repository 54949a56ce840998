import { JettisonError } from '../errors/error.ts';
import { digestOf } from '../image/digest.ts';
import { MergedTree } from '../layer/merged-tree.ts';
import type { Tree, TreeEntry } from '../layer/tree.ts';
import type { BindMount, CacheMount, CopyStep } from '../plan/plan.ts';
import { selectSources } from '../solve/copy/select.ts';
import { type SelectedSource, selectionDigest } from '../solve/copy/selection.ts';
import type { Turns } from '../solve/turns.ts';
import type { CommitContext } from './commit-context.ts';
import type { DigestTree } from './digest-tree.ts';
import { StackTree } from './layer-view.ts';

/** What a COPY reads: as words, and as the first entry of each source. */
export interface SymbolicSelection {
  digest: string;
  sources: SelectedSource[];
  tree: DigestTree;
  /** All entries are listed: parts of directories are left out. */
  isListed: boolean;
}

/** What selects files: a COPY, or a mount. */
export type Reader = CopyStep | BindMount | CacheMount;

export const EMPTY: Tree = new MergedTree([]);

/** Files that nothing is known of but that they are always the same. */
export function constantSelection(reader: Reader, digest: string): SymbolicSelection {
  const tree = new StackTree([], { tree: undefined, digest });
  return select(reader, tree, true);
}

/**
 * What a COPY or a mount selects.
 *
 * @param isUnknown the tree may have more than is known of it: a source that it lacks is there, too
 * @throws JettisonError as `selectSources`
 */
export function select(reader: Reader, tree: DigestTree, isUnknown: boolean): SymbolicSelection {
  const step = 'kind' in reader ? reader : undefined;
  const sources = step?.sources ?? [literal((reader as BindMount).source)];
  const exclude = step?.exclude ?? [];
  const parents = step?.parents ?? false;
  const isListed = !isUnknown && (exclude.length > 0 || parents);
  const found: SelectedSource[] = [];
  for (const source of sources) {
    try {
      const selecting = selectSources(isListed ? tree : shallow(tree), {
        sources: [source],
        exclude: isListed ? exclude : [],
        parents: isListed && parents,
        place: 'the build context',
        ...('ignore' in tree ? { ignore: (tree as CommitContext).ignore } : {}),
      });
      found.push(...finish(selecting).sources);
    } catch (error) {
      const isMissing = error instanceof JettisonError && error.code === 'COPY_SOURCE_MISSING';
      if (!isUnknown || !isMissing) throw error;
      found.push(assumed(source));
    }
  }
  const heredocs =
    step === undefined ? [] : finish(selectSources(EMPTY, { ...NOTHING, heredocs: step.heredocs })).sources;
  found.push(...heredocs);
  const words = isListed
    ? [selectionDigest({ sources: found })]
    : found.map(({ kind, name, entries: [head] }) => [
        kind,
        kind === 'file' ? name : '',
        head!.entry.source?.kind === 'inline' ? head!.entry.digest : tree.digest(head!.entry.path),
      ]);
  return { digest: digestOf(words), sources: found, tree, isListed };
}

const NOTHING = { sources: [], exclude: [], parents: false, place: '' };

/** A path that a command makes: taken for a directory, whose contents go where the COPY says. */
function assumed(source: string): SelectedSource {
  const path = source
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
  const entry: TreeEntry = { path, type: 'directory', mode: 0o755, uid: 0, gid: 0, size: 0, mtime: 0 };
  return { kind: 'directory', name: path.split('/').at(-1)!, entries: [{ path: '', entry }] };
}

/** The same tree, of which selecting a directory lists nothing below it. */
function shallow(tree: Tree): Tree {
  return {
    get: (path) => tree.get(path),
    children: (path) => tree.children(path),
    *below() {},
  };
}

/** A heredoc's file. */
export function inlineTree(entry: TreeEntry): DigestTree {
  return {
    get: (path) => (path === entry.path ? entry : undefined),
    children: () => [],
    digest: () => `file ${entry.mode.toString(8)} ${entry.digest}`,
  };
}

/** A path as a pattern that matches only that path. */
function literal(path: string): string {
  return path === '' ? '/' : path.replaceAll('\\', '\\\\').replaceAll(/[*?[]/g, '[$&]');
}

function finish<T>(work: Turns<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}
