import { parentOf, type RecipeEntry } from '../../src/layer/entry.ts';
import { LayerIndex } from '../../src/layer/layer-index.ts';
import { MergedTree } from '../../src/layer/merged-tree.ts';
import type { Tree } from '../../src/layer/tree.ts';

/**
 * Entries from short descriptions: `{ 'etc/passwd': 'content', 'bin': '-> usr/bin', 'tmp/': {} }`. A name with
 * a slash at its end is a directory, `-> x` a symlink, other text a file with that content; an object sets
 * members of the entry. Parents need not be listed.
 */
export function entriesOf(files: Record<string, string | Partial<RecipeEntry>>): RecipeEntry[] {
  return Object.entries(files).map(([name, what]) => {
    const directory = name.endsWith('/');
    const path = directory ? name.slice(0, -1) : name;
    const base: RecipeEntry = {
      path,
      type: directory ? 'directory' : 'file',
      mode: directory ? 0o755 : 0o644,
      uid: 0,
      gid: 0,
      size: 0,
      mtime: 1000,
    };
    if (typeof what !== 'string') return { ...base, ...what };
    if (what.startsWith('-> ')) return { ...base, type: 'symlink', mode: 0o777, link: what.slice(3) };
    return {
      ...base,
      size: what.length,
      digest: Buffer.from(what).toString('hex').padEnd(64, '0').slice(0, 64),
    };
  });
}

/** A tree that holds just these entries, and the directories that they imply. */
export function memoryTree(files: Record<string, string | Partial<RecipeEntry>>, id = 'memory'): Tree {
  const entries = new Map(entriesOf(files).map((entry) => [entry.path, entry]));
  for (const path of [...entries.keys()]) {
    for (let at = parentOf(path); at !== '' && !entries.has(at); at = parentOf(at)) {
      entries.set(at, { path: at, type: 'directory', mode: 0o755, uid: 0, gid: 0, size: 0, mtime: 0 });
    }
  }
  return new MergedTree([{ id, index: LayerIndex.of(entries.values()) }]);
}
