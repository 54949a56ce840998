import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FileTree, STATUS } from '../../../src/explore/file-tree.ts';
import { TreeView } from '../../../src/explore/tree-view.ts';
import { Census } from '../../../src/inspect/census.ts';
import { countedLayers, type TestLayer } from '../../support/explored.ts';

/** Paths with their status letter, as they are after a layer. */
function statuses(layers: TestLayer[], layer: number, since = layer): Record<string, string> {
  const tree = new FileTree(new Census(countedLayers(layers)));
  const { status } = tree.at(layer, since);
  const letters = ['', ' ', '+', '~', '-'];
  return Object.fromEntries(
    tree.paths.flatMap((path, node) =>
      status[node] === STATUS.absent ? [] : [[path, letters[status[node]!]!]],
    ),
  );
}

describe('the state after a layer', () => {
  const LAYERS: TestLayer[] = [
    { 'a/x': '1', 'a/y': '2', 'b/deep/z': '3' },
    { 'a/x': '1!', b: null, 'c/new': '4' },
    { a: '//', 'a/y': 'again' },
  ];

  test('is compared with that before it', () => {
    expect(statuses(LAYERS, 0)).toEqual({
      a: '+',
      'a/x': '+',
      'a/y': '+',
      b: '+',
      'b/deep': '+',
      'b/deep/z': '+',
    });
    expect(statuses(LAYERS, 1)).toEqual({
      ...{ a: ' ', 'a/x': '~', 'a/y': ' ', c: '+', 'c/new': '+' },
      ...{ b: '-', 'b/deep': '-', 'b/deep/z': '-' },
    });
    expect(statuses(LAYERS, 2)).toEqual({ a: ' ', 'a/x': '-', 'a/y': '~', c: ' ', 'c/new': ' ' });
  });

  test('is compared with an earlier one', () => {
    expect(statuses(LAYERS, 2, 1)).toMatchObject({ 'a/x': '-', 'a/y': '~', 'b/deep/z': '-', 'c/new': '+' });
  });

  test('knows a file that becomes a directory, and back', () => {
    const layers: TestLayer[] = [{ a: 'file' }, { 'a/x': '1' }, { a: 'file again' }];
    expect(statuses(layers, 1)).toEqual({ a: '~', 'a/x': '+' });
    expect(statuses(layers, 2)).toEqual({ a: '~', 'a/x': '-' });
  });
});

const name = fc.constantFrom('a', 'b', 'c', 'a.b', 'é', '\ud800\udc00');
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'));
const content = fc.constantFrom<string | null>('1', '22', '333', null, '/', '//', '->a');
const layer = fc.dictionary(path, content, { maxKeys: 8, noNullPrototype: true }).map((paths) => {
  // What a tar can say: nothing is below what is no directory.
  const kept: TestLayer = {};
  for (const [one, text] of Object.entries(paths).sort(([a], [b]) => a.length - b.length)) {
    const above = one.split('/').map((_, at, names) => names.slice(0, at).join('/'));
    if (
      above.every((folder) => folder === '' || kept[folder] === undefined || kept[folder]?.startsWith('/'))
    ) {
      kept[one] = text;
    }
  }
  const [file] = Object.entries(kept).find(([, text]) => text === '333') ?? [];
  if (file !== undefined && kept['zz'] === undefined) kept['zz'] = `=${file}`;
  return kept;
});

test('after every layer its files and sizes are those of a census of these layers', () => {
  fc.assert(
    fc.property(fc.array(layer, { minLength: 1, maxLength: 5 }), (layers) => {
      const tree = new FileTree(new Census(countedLayers(layers)));
      const view = new TreeView(tree);
      for (const [at] of layers.entries()) {
        const census = new Census(countedLayers(layers.slice(0, at + 1)));
        const snapshot = tree.at(at, at);
        const seen = tree.paths.filter((_, node) => {
          const is = snapshot.status[node]!;
          const type = tree.entries[snapshot.event[node]!]?.type;
          return is !== STATUS.absent && is !== STATUS.removed && type !== 'directory';
        });
        expect(seen).toEqual([...census.leaves.keys()]);
        view.show(snapshot);
        expect(view.bytes[0]).toBe(census.treeBytes);
      }
    }),
    { numRuns: 300 },
  );
});

test('nodes are in canonical order, and found by their path', () => {
  fc.assert(
    fc.property(fc.array(layer, { minLength: 1, maxLength: 3 }), (layers) => {
      const tree = new FileTree(new Census(countedLayers(layers)));
      for (const [node, path] of tree.paths.entries()) {
        expect(tree.find(path)).toBe(node);
        const below = tree.paths.filter(
          (other) => path === '' || other === path || other.startsWith(`${path}/`),
        );
        expect(tree.paths.slice(node, tree.ends[node])).toEqual(below);
      }
      expect(tree.find('not/there')).toBeUndefined();
    }),
    { numRuns: 100 },
  );
});
