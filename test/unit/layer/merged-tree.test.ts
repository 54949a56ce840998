import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { comparePaths, join, parentOf, type RecipeEntry } from '../../../src/layer/entry.ts';
import { LayerIndex } from '../../../src/layer/layer-index.ts';
import { MergedTree } from '../../../src/layer/merged-tree.ts';
import { layerEntries, path } from './arbitraries.ts';

type Model = Map<string, RecipeEntry & { layer: string }>;

/** Applies layers one after the other to a map of paths, as an unpacking program would to a disk. */
function apply(layers: { id: string; entries: RecipeEntry[] }[]): Model {
  const model: Model = new Map();
  const removeBelow = (path: string) => {
    for (const known of [...model.keys()]) if (known.startsWith(`${path}/`)) model.delete(known);
  };
  const imply = (path: string, layer: string) => {
    if (path === '') return;
    imply(parentOf(path), layer);
    if (model.get(path)?.type === 'directory') return;
    model.set(path, { path, type: 'directory', mode: 0o755, uid: 0, gid: 0, size: 0, mtime: 0, layer });
  };
  for (const { id, entries } of layers) {
    const hides = (entry: RecipeEntry) =>
      entry.type === 'whiteout' || entry.opaque || entry.type !== 'directory';
    for (const entry of entries.filter(hides)) {
      removeBelow(entry.path);
      if (entry.type === 'whiteout') model.delete(entry.path);
    }
    for (const { opaque: _, ...entry } of entries) {
      imply(parentOf(entry.path), id);
      if (entry.type === 'whiteout') continue;
      model.set(entry.path, { ...entry, layer: id });
    }
  }
  return model;
}

describe('MergedTree', () => {
  it('shows the same as unpacking the layers one over the other', () => {
    fc.assert(
      fc.property(
        fc.array(layerEntries, { maxLength: 4 }),
        fc.array(path, { maxLength: 5 }),
        (lists, others) => {
          const layers = lists.map((entries, i) => ({ id: `layer${i}`, entries }));
          const model = apply(layers);
          const tree = new MergedTree(
            layers.map(({ id, entries }) => ({ id, index: LayerIndex.of(entries) })),
          );
          const seen: string[] = [];
          const walk = (at: string) => {
            for (const name of tree.children(at)) {
              seen.push(join(at, name));
              walk(join(at, name));
            }
          };
          walk('');
          expect(seen).toEqual([...model.keys()].sort(comparePaths));
          for (const asked of [...others, ...seen]) {
            const expected = model.get(asked);
            if (expected === undefined) {
              expect(tree.get(asked)).toBeUndefined();
              continue;
            }
            const { layer, ...entry } = expected;
            const source =
              entry.type === 'file' ? { source: { kind: 'layer', layer, path: asked } as const } : {};
            expect(tree.get(asked)).toEqual({ ...entry, ...source });
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('shows hard links as the file they name, with one inode for all names', () => {
    const file = { type: 'file', mode: 0o600, uid: 1, gid: 2, size: 5, mtime: 9 } as const;
    const index = LayerIndex.of([
      { path: 'a', ...file },
      { path: 'd/b', ...file, type: 'hardlink', link: 'a' },
      { path: 'c', ...file },
    ]);
    const tree = new MergedTree([{ id: 'l', index }]);
    const source = { kind: 'layer', layer: 'l', path: 'a' } as const;
    expect(tree.get('d/b')).toEqual({ path: 'd/b', ...file, source, inode: 'l:a' });
    expect(tree.get('a')).toEqual({ path: 'a', ...file, source, inode: 'l:a' });
    expect(tree.get('c')?.inode).toBeUndefined();
  });

  it('gives a root directory even without any layer', () => {
    expect(new MergedTree([]).get('')).toMatchObject({ type: 'directory', mode: 0o755 });
    expect(new MergedTree([]).children('')).toEqual([]);
  });
});
