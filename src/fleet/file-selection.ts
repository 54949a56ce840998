import { compileWildcard, hasWildcard } from '../context/pattern.ts';
import { join, parentOf } from '../layer/entry.ts';
import { below, type Tree, type TreeEntry } from '../layer/tree.ts';

/** As many symlinks as Docker follows. */
const MAX_LINKS = 255;

/**
 * The files that a builder asks for: those at the paths and below them, and the directories above. Symlinks on the way
 * are followed inside the tree, and are sent, too. Without paths: all.
 *
 * @param paths relative to the root, with wildcards; a path that does not exist selects nothing
 */
export function* selectFiles(tree: Tree, paths: readonly string[]): Iterable<TreeEntry> {
  if (paths.length === 0) {
    yield* below(tree, '');
    return;
  }
  const wanted = new Set<string>();
  for (const path of paths) follow(tree, path, wanted);
  const above = new Set<string>();
  for (const path of wanted) {
    for (let parent = parentOf(path); parent !== '' && !above.has(parent); parent = parentOf(parent)) {
      above.add(parent);
    }
  }
  yield* walk(tree, '', wanted, above);
}

function* walk(
  tree: Tree,
  directory: string,
  wanted: ReadonlySet<string>,
  above: ReadonlySet<string>,
): Iterable<TreeEntry> {
  if (wanted.has(directory)) {
    yield* below(tree, directory);
    return;
  }
  for (const name of tree.children(directory)) {
    const path = join(directory, name);
    if (!wanted.has(path) && !above.has(path)) continue;
    const entry = tree.get(path);
    if (entry === undefined) continue;
    yield entry;
    if (entry.type === 'directory') yield* walk(tree, path, wanted, above);
  }
}

/** Adds the paths that a pattern reaches. */
function follow(tree: Tree, pattern: string, wanted: Set<string>): void {
  const seen = new Set<string>();
  const visit = (directory: string, rest: readonly string[], links: number): void => {
    const [first, ...more] = rest;
    if (first === undefined || first === '**') {
      wanted.add(directory);
      return;
    }
    if (first === '' || first === '.') {
      visit(directory, more, links);
      return;
    }
    if (first === '..') {
      visit(parentOf(directory), more, links);
      return;
    }
    const key = `${directory}\0${rest.join('/')}`;
    if (seen.has(key)) return;
    seen.add(key);
    for (const name of matching(tree, directory, first)) {
      const entry = tree.get(join(directory, name));
      if (entry?.type === 'symlink' && links < MAX_LINKS) {
        wanted.add(entry.path);
        const target = entry.link ?? '';
        visit(target.startsWith('/') ? '' : directory, [...target.split('/'), ...more], links + 1);
      } else if (entry !== undefined) {
        visit(entry.path, more, links);
      }
    }
  };
  visit('', pattern.split('/'), 0);
}

function matching(tree: Tree, directory: string, component: string): string[] {
  if (!hasWildcard(component)) return [component.replaceAll(/\\(.)/g, '$1')];
  const matches = compileWildcard(component);
  return tree.children(directory).filter(matches);
}
