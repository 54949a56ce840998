import type { Repository } from '../git/git-repository.ts';
import type { Commit } from '../git/object.ts';

/** A commit as a build of it needs it. */
export interface PastCommit extends Commit {
  /** The tree of the build context; undefined when the commit does not have that directory. */
  context: string | undefined;
}

export interface PastCommits {
  /** Oldest first. The first one only says what the store knows when the others begin. */
  commits: PastCommit[];
  /** The branch, when that is what was asked for. */
  branch?: string;
  /** The history goes no further back, since the clone is shallow. */
  isCutShort: boolean;
}

/** @param options.most how many commits to replay, besides the first one; `since` in seconds since 1970 */
export function pastCommits(
  repository: Repository,
  options: { branch?: string; path: string; most: number; since?: number },
): PastCommits {
  const { commit, branch } = repository.resolve(options.branch ?? 'HEAD');
  const { most, since = Number.NEGATIVE_INFINITY, path } = options;
  const commits: PastCommit[] = [];
  let isWhole = false;
  for (const found of repository.firstParents(commit, most + 1)) {
    commits.push({ ...found, context: treeAt(repository, found.tree, path) });
    isWhole = found.parents.length === 0;
    // The one before them is where they begin.
    if (found.time < since) break;
  }
  const isCutShort =
    repository.isShallow && !isWhole && commits.length <= most && commits.at(-1)!.time >= since;
  return { commits: commits.reverse(), isCutShort, ...(branch === undefined ? {} : { branch }) };
}

/** The tree of a directory below another tree. */
function treeAt(repository: Repository, tree: string, path: string): string | undefined {
  let at = tree;
  for (const name of path === '' ? [] : path.split('/')) {
    const line = repository.objects.tree(at).find((one) => one.name === name);
    if (line?.kind !== 'directory') return undefined;
    at = line.id;
  }
  return at;
}

/** The name of a file's content below a tree. */
export function fileAt(repository: Repository, tree: string, path: string): string | undefined {
  const slash = path.lastIndexOf('/');
  const folder = treeAt(repository, tree, slash < 0 ? '' : path.slice(0, slash));
  if (folder === undefined) return undefined;
  const line = repository.objects.tree(folder).find(({ name }) => name === path.slice(slash + 1));
  return line?.kind === 'file' || line?.kind === 'executable' ? line.id : undefined;
}
