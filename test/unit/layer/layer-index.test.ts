import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { comparePaths, join, type RecipeEntry } from '../../../src/layer/entry.ts';
import { contentDigest, encodeIndex, LayerIndex } from '../../../src/layer/layer-index.ts';
import { layerEntries, path } from './arbitraries.ts';

const file = (path: string, more: Partial<RecipeEntry> = {}): RecipeEntry => ({
  path,
  type: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 1,
  mtime: 0,
  ...more,
});

describe('LayerIndex', () => {
  it('answers every question as the plain list of entries does', () => {
    fc.assert(
      fc.property(layerEntries, fc.array(path, { maxLength: 5 }), (entries, others) => {
        const index = LayerIndex.parse(LayerIndex.of(entries).bytes);
        const sorted = [...entries].sort((a, b) => comparePaths(a.path, b.path));
        expect([...index.entries()]).toEqual(sorted);
        expect([...index.paths()]).toEqual(sorted.map((entry) => entry.path));
        expect(index.size).toBe(entries.length);
        for (const asked of ['', ...others, ...entries.map((entry) => entry.path)]) {
          const inside = (entry: RecipeEntry) => asked === '' || entry.path.startsWith(`${asked}/`);
          expect(index.get(asked)).toEqual(entries.find((entry) => entry.path === asked));
          expect([...index.under(asked)]).toEqual(
            sorted.filter((entry) => entry.path === asked || inside(entry)),
          );
          expect(index.hasBelow(asked)).toBe(entries.some(inside));
          const depth = asked === '' ? 0 : asked.split('/').length;
          const names = new Set(sorted.filter(inside).map((entry) => entry.path.split('/')[depth]!));
          expect(index.children(asked)).toEqual([...names]);
          expect(index.children(asked)).toEqual(
            [...names].sort((a, b) => comparePaths(join(asked, a), join(asked, b))),
          );
        }
      }),
      { numRuns: 300 },
    );
  });

  it('encodes the same entries to the same bytes, for any order of members and attributes', () => {
    const a = file('a', { xattrs: { 'user.b': 'MQ==', 'user.a': 'MQ==' }, mtimeNs: 0 });
    const b = { xattrs: { 'user.a': 'MQ==', 'user.b': 'MQ==' }, ...file('a') };
    expect(encodeIndex([a])).toEqual(encodeIndex([b]));
  });

  it('knows which files have more than one name', () => {
    const index = LayerIndex.of([
      file('x/"type":"hardlink"'),
      file('x/one'),
      file('y', { type: 'hardlink', link: 'x/one' }),
      file('z', { type: 'hardlink', link: 'x/one' }),
    ]);
    expect([...index.linked]).toEqual(['x/one']);
  });
});

describe('contentDigest', () => {
  it('covers everything but times and sources', () => {
    const base = file('a', { digest: 'ab'.repeat(32) });
    const digest = contentDigest([base]);
    const timed = { ...base, mtime: 7, mtimeNs: 8, source: { kind: 'host', path: '/x' } as const };
    expect(contentDigest([timed])).toBe(digest);
    const changes: Partial<RecipeEntry>[] = [
      { path: 'b' },
      { type: 'fifo' },
      { mode: 0o600 },
      { uid: 1 },
      { gid: 1 },
      { size: 2 },
      { digest: 'cd'.repeat(32) },
      { link: 'q' },
      { opaque: true },
      { device: { major: 1, minor: 2 } },
      { xattrs: { 'user.a': 'MQ==' } },
    ];
    const digests = changes.map((change) => contentDigest([{ ...base, ...change }]));
    expect(new Set([digest, ...digests]).size).toBe(changes.length + 1);
  });
});
