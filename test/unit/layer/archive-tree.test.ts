import { describe, expect, it } from 'vitest';
import { ArchiveTree } from '../../../src/layer/archive-tree.ts';
import type { RecipeEntry } from '../../../src/layer/entry.ts';
import type { TarHeader } from '../../../src/layer/tar-read.ts';

const file = (name: string, digest = '1', more: Partial<TarHeader> = {}): [TarHeader, string] => [
  { name, type: 'file', mode: 0o644, uid: 0, gid: 0, size: 1, mtime: 0, ...more },
  digest,
];
const dir = (name: string, mode = 0o755): [TarHeader, string] => [
  { name, type: 'directory', mode, uid: 0, gid: 0, size: 0, mtime: 0 },
  '',
];
const link = (type: 'symlink' | 'hardlink', name: string, to: string): [TarHeader, string] => [
  { name, type, mode: 0o644, uid: 0, gid: 0, size: 0, mtime: 0, link: to },
  '',
];

function merge(members: [TarHeader, string][], whiteouts = true): RecipeEntry[] {
  const tree = new ArchiveTree({ whiteouts });
  for (const [header, digest] of members) tree.add(header).content(digest);
  return [...tree.entries()];
}

/** `path type detail` of every entry. */
function shown(members: [TarHeader, string][], whiteouts = true): string[] {
  return merge(members, whiteouts).map(
    ({ path, type, digest, link, opaque }) =>
      `${path} ${type}${link ? ` -> ${link}` : ''}${digest ? ` ${digest}` : ''}${opaque ? ' opaque' : ''}`,
  );
}

describe('ArchiveTree', () => {
  it('sorts, and cleans names', () => {
    expect(shown([file('./b/../c'), file('/abs//x'), dir('./'), file('b', '2')])).toEqual([
      ' directory',
      'abs/x file 1',
      'b file 2',
      'c file 1',
    ]);
  });

  it('never lets a name, a symlink or a hard link out of the root', () => {
    expect(() => shown([file('../x')])).toThrow(/outside of its root/);
    expect(() => shown([file('a/../../x')])).toThrow(/outside of its root/);
    expect(shown([file('/../x')])).toEqual(['x file 1']);
    expect(() => shown([file('a'), link('hardlink', 'b', '../a')])).toThrow(/outside of its root/);
    expect(shown([link('symlink', 'out', '../../../etc'), file('out/passwd')])).toEqual([
      'etc/passwd file 1',
      'out symlink -> ../../../etc',
    ]);
    expect(shown([dir('a'), link('symlink', 'a/up', '..'), file('a/up/x'), file('a/up/a/y')])).toEqual([
      'a directory',
      'a/up symlink -> ..',
      'a/y file 1',
      'x file 1',
    ]);
    expect(() => shown([link('symlink', 'a', 'b'), link('symlink', 'b', 'a'), file('a/x')])).toThrow(/loop/);
  });

  it('passes over a root that is not a directory', () => {
    for (const name of ['', '.', './', '/', 'a/..']) {
      for (const root of [file(name), link('symlink', name, '/tmp'), link('hardlink', name, 'x')]) {
        expect(shown([root, file('x')])).toEqual(['x file 1']);
        expect(shown([file('x'), root])).toEqual(['x file 1']);
        expect(shown([dir('./', 0o700), root, file('x')])).toEqual([' directory', 'x file 1']);
        expect(new ArchiveTree({ whiteouts: true }).add(root[0]).path).toBeUndefined();
      }
    }
  });

  it('replaces earlier members, but merges directories', () => {
    expect(shown([file('a', '1'), file('a', '2')])).toEqual(['a file 2']);
    expect(shown([dir('a'), file('a/x'), file('a', '2')])).toEqual(['a file 2']);
    expect(shown([file('a'), dir('a'), file('a/x')])).toEqual(['a directory', 'a/x file 1']);
    expect(shown([dir('a'), file('a/x'), dir('a')])).toEqual(['a directory', 'a/x file 1']);
    expect(merge([dir('a', 0o700), dir('a', 0o711)])[0]!.mode).toBe(0o711);
    expect(shown([link('symlink', 'a', 'b'), dir('a'), file('a/x')])).toEqual(['a directory', 'a/x file 1']);
    expect(() => shown([file('a'), file('a/x')])).toThrow(/not a directory/);
  });

  it('keeps hard links, whose first name is the file', () => {
    expect(shown([file('z'), link('hardlink', 'a', 'z'), link('hardlink', 'm', './a')])).toEqual([
      'a file 1',
      'm hardlink -> a 1',
      'z hardlink -> a 1',
    ]);
    expect(shown([file('a'), link('hardlink', 'b', 'a'), file('a', '2')])).toEqual(['a file 2', 'b file 1']);
    expect(shown([link('symlink', 'a', 'x'), link('hardlink', 'b', 'a')])).toEqual([
      'a symlink -> x',
      'b symlink -> x',
    ]);
    expect(() => shown([link('hardlink', 'b', 'a')])).toThrow(/not in the archive/);
    expect(() => shown([dir('a'), link('hardlink', 'b', 'a')])).toThrow(/is a directory/);
  });

  it('reads deletions of image layers, which never touch the layer itself', () => {
    expect(shown([file('a/.wh.b'), file('a/b')])).toEqual(['a/b file 1']);
    expect(shown([file('a/.wh.b')])).toEqual(['a/b whiteout']);
    expect(shown([file('.wh.b'), file('b/x')])).toEqual(['b directory opaque', 'b/x file 1']);
    expect(shown([file('b/x'), file('b/.wh..wh..opq')])).toEqual(['b directory opaque', 'b/x file 1']);
    expect(shown([file('b/.wh..wh..opq'), dir('b')])).toEqual(['b directory opaque']);
    expect(shown([dir('.wh..wh.plnk'), file('.wh..wh.aufs')])).toEqual([]);
    expect(shown([file('.wh.b')], false)).toEqual(['.wh.b file 1']);
  });
});
