import { describe, expect, test } from 'vitest';
import type { Tree, TreeEntry } from '../../../src/layer/tree.ts';
import { selectSources } from '../../../src/solve/copy/select.ts';
import { inTurns } from '../../../src/solve/turns.ts';

const NAMES = Array.from({ length: 1000 }, (_, i) => `name${i}`);

/** A tree that nobody sees the end of: directories of a thousand files or directories, five levels deep. */
const endless: Tree = {
  get(path): TreeEntry {
    const type = path.split('/').length < 5 ? 'directory' : 'file';
    return { path, type, mode: 0o755, uid: 0, gid: 0, size: 0, mtime: 0 };
  },
  children: () => NAMES,
};

describe('a selection from a tree without end can be interrupted', () => {
  test.each([
    ['all', { sources: ['/'] }],
    ['a directory', { sources: ['name1'] }],
    ['a pattern', { sources: ['*/*/*/*'] }],
    ['all but some', { sources: ['/'], exclude: ['**/none'] }],
    ['with parents', { sources: ['**/none'], parents: true }],
    ['a pattern with parents', { sources: ['*/*/./name1/**'], parents: true }],
  ])(
    '%s',
    async (_, {
      sources,
      exclude = [],
      parents = false,
    }: Partial<Parameters<typeof selectSources>[1]> & { sources: string[] }) => {
      const interruption = new AbortController();
      const reason = new Error('interrupted');
      setTimeout(() => interruption.abort(reason), 30);
      const selecting = selectSources(endless, { sources, exclude, parents, place: 'the tree' });
      await expect(inTurns(selecting, interruption.signal)).rejects.toBe(reason);
    },
  );
});

test('the result comes from short work, too', async () => {
  const work = (function* () {
    yield;
    return 7;
  })();
  expect(await inTurns(work, undefined)).toBe(7);
});
