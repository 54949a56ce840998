import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Census } from '../../../src/inspect/census.ts';
import { bytesOf } from '../../../src/inspect/leaf.ts';
import type { RecipeEntry } from '../../../src/layer/entry.ts';
import { LayerIndex } from '../../../src/layer/layer-index.ts';
import { MergedTree } from '../../../src/layer/merged-tree.ts';

const FACTS = { mode: 0o644, uid: 0, gid: 0, mtime: 0 };
const file = (path: string, size: number, digest = `${path}${size}`): RecipeEntry => ({
  ...{ path, type: 'file', size, digest },
  ...FACTS,
});
const dir = (path: string, opaque?: true): RecipeEntry => ({
  ...{ path, type: 'directory', size: 0, ...FACTS, mode: 0o755 },
  ...(opaque && { opaque }),
});
const gone = (path: string): RecipeEntry => ({ path, type: 'whiteout', size: 0, ...FACTS, mode: 0 });
const link = (path: string, to: string, size: number): RecipeEntry => ({
  ...{ path, type: 'hardlink', link: to, size },
  ...FACTS,
});

const census = (...layers: RecipeEntry[][]) =>
  new Census(
    layers.map((entries, at) => ({
      diffId: `sha256:${String(at).repeat(64)}`,
      index: LayerIndex.of(entries),
      facts: new Map(),
    })),
  );

describe('waste is exact', () => {
  test.each([
    ['a file deleted later', [[file('a', 7)], [gone('a')]], [['a', 7, 'deleted', 0, 1]]],
    [
      'a directory deleted later',
      [[dir('d'), file('d/a', 7), file('d/e/b', 5)], [gone('d')]],
      [
        ['d/a', 7, 'deleted', 0, 1],
        ['d/e/b', 5, 'deleted', 0, 1],
      ],
    ],
    [
      'an opaque directory',
      [
        [dir('d'), file('d/a', 7)],
        [dir('d', true), file('d/b', 3)],
      ],
      [['d/a', 7, 'deleted', 0, 1]],
    ],
    ['a file written again', [[file('a', 7)], [file('a', 9)]], [['a', 7, 'overwritten', 0, 1]]],
    [
      'a change of mode',
      [[file('a', 7, 'x')], [{ ...file('a', 7, 'x'), mode: 0o755 }]],
      [['a', 7, 'metadata', 0, 1]],
    ],
    ['a file in place of a directory', [[file('d/a', 7)], [file('d', 2)]], [['d/a', 7, 'overwritten', 0, 1]]],
    ['a directory in place of a file', [[file('d', 7)], [file('d/a', 2)]], [['d', 7, 'overwritten', 0, 1]]],
    ['a hard link that stays', [[file('a', 7), link('b', 'a', 7)], [gone('a')]], []],
    [
      'hard links that both go',
      [[file('a', 7), link('b', 'a', 7)], [gone('a')], [gone('b')]],
      [['a', 7, 'deleted', 0, 2]],
    ],
    ['a deletion of nothing', [[file('a', 7)], [gone('b')]], []],
  ] as [string, RecipeEntry[][], [string, number, string, number, number][]][])(
    '%s',
    (_, layers, expected) => {
      const { waste } = census(...layers);
      expect(waste.map(({ path, bytes, reason, layer, by }) => [path, bytes, reason, layer, by])).toEqual(
        expected,
      );
    },
  );
});

test('the bytes of a file with several names count once, under the first that can be seen', () => {
  const counted = census([file('a', 7), link('b', 'a', 7), link('c', 'a', 7)], [gone('a')]);
  expect([...counted.leaves.values()].map((leaf) => [leaf.path, bytesOf(leaf)])).toEqual([
    ['b', 7],
    ['c', 0],
  ]);
  expect(counted.treeBytes).toBe(7);
});

test('facts of files that can be seen, under the names that can be seen', () => {
  const layer = (entries: RecipeEntry[], facts: Record<string, unknown>) => ({
    diffId: `sha256:${'0'.repeat(64)}` as const,
    index: LayerIndex.of(entries),
    facts: new Map([['x', new Map(Object.entries(facts))]]),
  });
  const counted = new Census([
    layer([file('a', 1), file('b', 1), file('c', 1), link('d', 'c', 1)], { a: 'A', b: 'B', c: 'C' }),
    layer([file('a', 2), gone('b'), gone('c')], { a: 'A2' }),
  ]);
  expect(counted.facts('x')).toEqual(new Map(Object.entries({ a: 'A2', d: 'C' })));
});

describe('for any layers', () => {
  const name = fc.constantFrom('a', 'b', 'c');
  const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'));
  const entry = fc.oneof(
    fc.tuple(path, fc.nat(100)).map(([at, size]) => file(at, size)),
    path.map((at) => dir(at)),
    path.map((at) => dir(at, true)),
    path.map(gone),
  );
  /** Entries that one tar could have: nothing below what is no directory. */
  const layer = fc.array(entry, { maxLength: 8 }).map((entries) => {
    const byPath = new Map(entries.map((one) => [one.path, one]));
    return [...byPath.values()].filter(({ path: at }) => {
      const parts = at.split('/');
      return parts.every((_, depth) => {
        const above = byPath.get(parts.slice(0, depth).join('/'));
        return depth === 0 || above === undefined || above.type === 'directory';
      });
    });
  });

  test('shipped bytes are the visible and the hidden ones', () => {
    fc.assert(
      fc.property(fc.array(layer, { minLength: 1, maxLength: 5 }), (layers) => {
        const counted = census(...layers);
        expect(counted.shippedBytes).toBe(counted.treeBytes + counted.wasteBytes);
      }),
    );
  });

  test('the tree is that of the layers', () => {
    fc.assert(
      fc.property(fc.array(layer, { minLength: 1, maxLength: 5 }), (layers) => {
        const tree = new MergedTree(
          layers.map((entries, at) => ({ id: String(at), index: LayerIndex.of(entries) })),
        );
        const seen = [...tree.below('')].filter(({ type }) => type !== 'directory').map((one) => one.path);
        expect([...census(...layers).leaves.keys()]).toEqual(seen);
      }),
    );
  });
});
