import { describe, expect, it, test } from 'vitest';
import type { RecipeEntry } from '../../../src/layer/entry.ts';
import { contentDigest, encodeIndex } from '../../../src/layer/layer-index.ts';
import { soundIndex } from '../../../src/layer/sound-index.ts';

const entry = (path: string, more: Partial<RecipeEntry> = {}): RecipeEntry => ({
  path,
  type: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: 0,
  ...more,
});
const check = (...entries: RecipeEntry[]) => soundIndex(encodeIndex(entries), contentDigest(entries));

test('an index as it is made here is sound', () => {
  const entries = [
    entry('', { type: 'directory' }),
    entry('a', { type: 'directory', opaque: true }),
    entry('a/f', { digest: 'a'.repeat(64), size: 3, xattrs: { 'user.x': 'eA==' } }),
    entry('a/g', { type: 'hardlink', link: 'a/f', size: 3, digest: 'a'.repeat(64) }),
    entry('gone\n"', { type: 'whiteout', mode: 0 }),
    entry('implied/..name', { mtime: -1, mtimeNs: 5 }),
    entry('null', { type: 'char', device: { major: 1, minor: 3 } }),
    entry('out', { type: 'symlink', mode: 0o777, link: '/etc/passwd' }),
  ];
  expect([...check(...entries)!.entries()]).toEqual(entries);
});

describe('an index that Jettison could not have written is refused', () => {
  it.each<[string, RecipeEntry[]]>([
    ['a source on the machine', [entry('a', { source: { kind: 'host', path: '/etc/passwd' } })]],
    ['a source in another layer', [entry('a', { source: { kind: 'layer', layer: '../..', path: 'x' } })]],
    ['a path that climbs', [entry('../a')]],
    ['a path that climbs later', [entry('a/../../b')]],
    ['an absolute path', [entry('/a')]],
    ['a path with empty parts', [entry('a//b')]],
    ['a path with a NUL', [entry('a\0b')]],
    ['something below a symlink', [entry('a', { type: 'symlink', link: '/etc' }), entry('a/passwd')]],
    ['something below a file', [entry('a'), entry('a/b/c')]],
    ['a hard link to the outside', [entry('a', { type: 'hardlink', link: '../../etc/passwd' })]],
    ['a hard link to nothing', [entry('a', { type: 'hardlink', link: 'b' })]],
    [
      'a hard link to a symlink',
      [entry('a', { type: 'symlink', link: '/x' }), entry('b', { type: 'hardlink', link: 'a' })],
    ],
    ['another order', [entry('b'), entry('a')]],
    ['a path twice', [entry('a'), entry('a')]],
    ['a root that is no directory', [entry('')]],
    ['a digest that is a path', [entry('a', { digest: '../../x' })]],
    ['a mode of its own', [entry('a', { mode: 0o100644 })]],
    ['no owner', [entry('a', { uid: -1 })]],
    ['no type', [entry('a', { type: 'socket' as never })]],
  ])('%s', (_, entries) => {
    expect(check(...entries)).toBeUndefined();
  });

  it('other content than was promised, other text than would have been written, no text at all', () => {
    const entries = [entry('a')];
    const bytes = encodeIndex(entries);
    const content = contentDigest(entries);
    expect(soundIndex(bytes, content)?.get('a')).toEqual(entry('a'));
    expect(soundIndex(bytes, contentDigest([entry('b')]))).toBeUndefined();
    expect(soundIndex(Buffer.from(` ${bytes}`), content)).toBeUndefined();
    expect(soundIndex(Buffer.from(`${String(bytes).slice(0, -2)},"more":1}\n`), content)).toBeUndefined();
    expect(soundIndex(Buffer.from('null\n'), content)).toBeUndefined();
    expect(soundIndex(Buffer.from('{'), content)).toBeUndefined();
  });
});
