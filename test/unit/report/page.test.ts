import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { reportData } from '../../../src/report/columns.ts';
import { jsonPieces } from '../../../src/report/json-pieces.ts';
import { compareFiles, comparePackages, pullCost } from '../../../src/report/page/difference.ts';
import { Groups } from '../../../src/report/page/groups.ts';
import { ImageModel } from '../../../src/report/page/model.ts';
import { buildTree, layOut, type Node, nodeAt } from '../../../src/report/page/tree.ts';
import type { ReportData } from '../../../src/report/report-data.ts';
import { type MadeUp, type MadeUpFile, reported } from '../../support/descriptions.ts';

const models = (...images: MadeUp[]) => {
  const written = [...jsonPieces(reportData(images.map(reported)))].join('');
  return (JSON.parse(written) as ReportData).images.map((image) => new ImageModel(image));
};
const model = (image: MadeUp) => models(image)[0]!;

describe('the page sees each file as it was described', () => {
  const file = fc.record({
    path: fc
      .array(fc.constantFrom('a', 'b', 'usr', 'ü', '\u202e'), { minLength: 1, maxLength: 5 })
      .map((parts) => parts.join('/')),
    bytes: fc.nat(10_000),
    kind: fc.constantFrom('npm' as const, 'docs' as const),
  });
  const files = fc.uniqueArray(file, { selector: ({ path }) => path });

  test('in its columns', () => {
    fc.assert(
      fc.property(files, (all) => {
        const seen = model({ files: all }).files;
        expect(seen.map(({ path, bytes, kind }) => ({ path, bytes, kind }))).toEqual(
          all.map(({ path, ...rest }) => ({ path: path.replaceAll('\u202e', '\\u202e'), ...rest })),
        );
      }),
    );
  });

  test('in its tree, whose sums are exact and which loses no file', () => {
    fc.assert(
      fc.property(files, fc.constantFrom('kind' as const, undefined), (all, nest) => {
        const one = model({ files: all });
        const tree = buildTree(one.files, nest && new Groups(nest, [one]));
        let found = 0;
        const walk = (node: Node): number => {
          if (node.children === undefined) found++;
          const sum = node.children?.reduce((total, child) => total + walk(child), 0) ?? node.bytes;
          expect(node.bytes).toBe(sum);
          for (const child of node.children ?? []) expect(child.parent).toBe(node);
          return sum;
        };
        expect(walk(tree)).toBe(all.reduce((sum, { bytes }) => sum + bytes, 0));
        expect(found).toBe(all.length);
      }),
    );
  });

  test('in its treemap, whose rectangles lie in their directory and beside each other', () => {
    fc.assert(
      fc.property(files, fc.integer({ min: 1, max: 900 }), (all, width) => {
        const rects = layOut(buildTree(model({ files: all }).files, undefined), width, 300);
        for (const [at, rect] of rects.entries()) {
          if (at === 0) continue;
          const out = rects[rect.parent]!;
          expect(rect.x).toBeGreaterThanOrEqual(out.x - 1e-6);
          expect(rect.y).toBeGreaterThanOrEqual(out.y - 1e-6);
          expect(rect.x + rect.width).toBeLessThanOrEqual(out.x + out.width + 1e-6);
          expect(rect.y + rect.height).toBeLessThanOrEqual(out.y + out.height + 1e-6);
          for (const other of rects.slice(at + 1)) {
            if (other.parent !== rect.parent) continue;
            const apart =
              other.x >= rect.x + rect.width - 1e-6 ||
              rect.x >= other.x + other.width - 1e-6 ||
              other.y >= rect.y + rect.height - 1e-6 ||
              rect.y >= other.y + other.height - 1e-6;
            expect(apart).toBe(true);
          }
        }
      }),
      { numRuns: 50 },
    );
  });
});

test('a path is found in a tree, also where directories are joined', () => {
  const tree = buildTree(
    model({ files: ['usr/lib/a/x', 'usr/lib/a/y', 'usr/lib/b', 'bin/c'].map((path) => ({ path, bytes: 1 })) })
      .files,
    undefined,
  );
  const found = ['', 'usr/lib', 'usr', 'usr/lib/a', 'usr/lib/b', 'etc', 'bin'].map(
    (path) => nodeAt(tree, path).path,
  );
  expect(found).toEqual(['', 'usr/lib', 'usr/lib', 'usr/lib/a', 'usr/lib/b', '', 'bin']);
});

test('a package is asked for by the shortest chain that begins with a file', () => {
  const one = model({
    files: [],
    packages: [
      { id: 'app', requires: ['a', 'b'], askedBy: { path: 'app/package.json' }, kind: 'application' },
      { id: 'a', requires: ['c'] },
      { id: 'b', requires: ['d'], askedBy: { path: 'app/package.json', line: 7 } },
      { id: 'c', requires: ['d'] },
      { id: 'd', requires: ['c'] },
      { id: 'alone' },
    ],
  });
  const chain = (id: string) => one.askedFor(one.package(id)!).map(({ label }) => label);
  expect(chain('d')).toEqual(['b@1.0.0', 'app/package.json:7']);
  expect(chain('c')).toEqual(['a@1.0.0', 'app@1.0.0', 'app/package.json']);
  expect(chain('b')).toEqual(['app/package.json:7']);
  expect(chain('alone')).toEqual([]);
});

describe('the difference of two images', () => {
  const file = (path: string, bytes: number, digest: string): MadeUpFile => ({ path, bytes, digest });
  const [before, after] = models(
    {
      files: [file('same', 5, 's'), file('changed', 5, 'x'), file('gone', 9, 'g')],
      packages: [{ id: 'a' }, { id: 'b' }, { id: 'old' }],
    },
    {
      files: [file('same', 5, 's'), file('changed', 5, 'y'), file('new', 7, 'n')],
      packages: [{ id: 'a' }, { id: 'b', version: '2.0.0' }, { id: 'new' }],
      instructions: [{ text: 'RUN other', keyword: 'RUN', layer: 0 }],
    },
  ) as [ImageModel, ImageModel];

  test('has the files that were added, removed or changed', () => {
    const { changes, statuses } = compareFiles(before, after);
    expect(changes.map(({ path, status, growth }) => [path, status, growth])).toEqual([
      ['changed', 'changed', 0],
      ['gone', 'removed', -9],
      ['new', 'added', 7],
    ]);
    expect(statuses.get(before.files[0]!)).toBe('same');
    expect(statuses.size).toBe(6);
  });

  test('has the packages whose versions differ', () => {
    expect(comparePackages(before, after).map(({ name, status }) => [name, status])).toEqual([
      ['b', 'changed'],
      ['new', 'added'],
      ['old', 'removed'],
    ]);
  });

  test('costs the bytes of missing layers', () => {
    expect(pullCost(before, after)).toBe(after.layer(0).packed);
    expect(pullCost(before, before)).toBe(0);
  });

  test('is nothing of an image to itself', () => {
    expect(compareFiles(before, before).changes).toEqual([]);
  });
});
