import fc from 'fast-check';
import { join, type RecipeEntry } from '../../../src/layer/entry.ts';

/** Few names, so that paths meet; among them what sorts oddly or needs escapes. */
const name = fc.constantFrom('a', 'b', 'a.txt', 'a-b', 'ä', '\u{1f600}', '\uffee', 'q"\\', 'x\udc80');

export const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));

const metadata = fc.record({
  mode: fc.constantFrom(0o644, 0o755, 0o4755, 0),
  uid: fc.constantFrom(0, 1000, 4_000_000),
  gid: fc.constantFrom(0, 50),
  mtime: fc.constantFrom(0, 1_700_000_000, -5),
});

const leaf: fc.Arbitrary<RecipeEntry> = fc.oneof(
  fc.record({ path, metadata }).map(
    ({ path, metadata }): RecipeEntry => ({
      path,
      type: 'file',
      ...metadata,
      size: 3,
      digest: 'ab'.repeat(32),
    }),
  ),
  fc.record({ path, metadata, link: path }).map(
    ({ path, metadata, link }): RecipeEntry => ({
      path,
      type: 'symlink',
      ...metadata,
      mode: 0o777,
      size: 0,
      link,
    }),
  ),
  fc.record({ path }).map(
    ({ path }): RecipeEntry => ({
      path,
      type: 'whiteout',
      mode: 0,
      uid: 0,
      gid: 0,
      size: 0,
      mtime: 0,
    }),
  ),
);

const directory: fc.Arbitrary<RecipeEntry> = fc
  .record({ path, metadata, opaque: fc.boolean() })
  .map(({ path, metadata, opaque }) => ({
    path,
    type: 'directory',
    ...metadata,
    size: 0,
    ...(opaque ? { opaque: true } : {}),
  }));

/** Entries of one layer: nothing stands below something that is no directory, no path twice. */
export const layerEntries: fc.Arbitrary<RecipeEntry[]> = fc
  .array(fc.oneof(leaf, directory, directory), { maxLength: 12 })
  .map((entries) => {
    const kept = new Map<string, RecipeEntry>();
    const directories = new Set<string>();
    for (const entry of entries) {
      const parents: string[] = [];
      for (const part of entry.path.split('/').slice(0, -1)) parents.push(join(parents.at(-1) ?? '', part));
      if (kept.has(entry.path)) continue;
      if (entry.type !== 'directory' && directories.has(entry.path)) continue;
      if (parents.some((parent) => (kept.get(parent)?.type ?? 'directory') !== 'directory')) continue;
      for (const parent of parents) directories.add(parent);
      kept.set(entry.path, entry);
    }
    return [...kept.values()];
  });
