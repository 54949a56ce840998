import { describe, expect, test } from 'vitest';
import { parseIgnore } from '../../../src/context/ignore.ts';
import { LayerIndex } from '../../../src/layer/layer-index.ts';
import { MergedTree } from '../../../src/layer/merged-tree.ts';
import type { Tree } from '../../../src/layer/tree.ts';
import { type SelectOptions, selectSources } from '../../../src/solve/copy/select.ts';
import {
  archiveSource,
  type Selection,
  selectionDigest,
  unhashed,
} from '../../../src/solve/copy/selection.ts';
import { entriesOf, memoryTree } from '../../support/tree.ts';
import { atOnce } from '../../support/turns.ts';

const tree = memoryTree({
  f1: 'one',
  'dir/a': 'a',
  'dir/sub/b': 'b',
  'dir/alink': '-> a',
  dirlink: '-> dir',
  abslink: '-> /f1',
  evil: '-> ../../../../f1',
  broken: '-> nowhere',
  'w/a/1.txt': '1',
  'w/b/2.txt': '2',
  'w/b/3.log': '3',
  'w/.h/4.txt': '4',
  'w/top.txt': '5',
  'w/[x].txt': '6',
  'w/la': '-> a',
  'w/l1.txt': '-> a/1.txt',
  'empty/': {},
  'p/a/b/c/f': 'f',
  'p/a/b/g': 'g',
  'p/a/b/skip.md': 's',
  'p/a/keep.md': 'k',
  'p/x/h': 'h',
  'p/al': '-> a',
});

function select(sources: string[], options: Partial<SelectOptions> = {}, from: Tree = tree): Selection {
  return atOnce(
    selectSources(from, { sources, exclude: [], parents: false, place: 'the build context', ...options }),
  );
}

/** A selection in short: `name:path …`, with a slash behind directories and in brackets what only leads. */
function show({ sources }: Selection): string[] {
  return sources.map(({ kind, name, entries }) => {
    const paths = entries.map(({ path, entry, lead }) => {
      const text = entry.type === 'directory' ? `${path}/` : path;
      return lead ? `(${text})` : text;
    });
    return `${kind} ${name}: ${paths.join(' ')}`;
  });
}

function failure(sources: string[], options: Partial<SelectOptions> = {}) {
  try {
    select(sources, options);
  } catch (error) {
    return error as { code: string; message: string; hint: string };
  }
  throw new Error('nothing was thrown');
}

describe('paths', () => {
  test.each<[string, string]>([
    ['f1', 'file f1: '],
    ['/f1', 'file f1: '],
    ['f1/', 'file f1: '],
    ['../f1', 'file f1: '],
    ['dir', 'directory dir: / a alink sub/ sub/b'],
    ['dir/.', 'directory dir: / a alink sub/ sub/b'],
    ['dirlink', 'directory dirlink: / a alink sub/ sub/b'],
    ['dirlink/sub', 'directory sub: / b'],
    ['abslink', 'file abslink: '],
    ['evil', 'file evil: '],
    ['empty', 'directory empty: /'],
  ])('%s', (source, expected) => {
    expect(show(select([source]))).toEqual([expected]);
  });

  test('a symlink that is named is followed, one below is kept', () => {
    expect(select(['abslink']).sources[0]!.entries[0]!.entry).toMatchObject({ type: 'file', path: 'f1' });
    expect(select(['dir']).sources[0]!.entries[2]!.entry).toMatchObject({ type: 'symlink', link: 'a' });
  });

  test('the root has everything', () => {
    for (const source of ['.', '/', '']) {
      expect(select([source]).sources[0]).toMatchObject({ kind: 'directory', name: '' });
      expect(select([source]).sources[0]!.entries.length).toBe(35);
    }
  });

  test('missing ones are errors', () => {
    expect(failure(['dits'])).toMatchObject({
      code: 'COPY_SOURCE_MISSING',
      message: '"dits" does not exist in the build context',
    });
    expect(failure(['dri'])).toMatchObject({ hint: 'Did you mean "dir"?' });
    expect(failure(['dir/usb/b'])).toMatchObject({ hint: 'Did you mean "dir/sub"?' });
    expect(failure(['zzzzzz'])).toMatchObject({
      hint: 'Paths are relative to the root of the build context.',
    });
    expect(failure(['broken']).hint).toContain('symbolic link to "/nowhere"');
    expect(failure(['f1/zz'])).toMatchObject({ code: 'COPY_SOURCE_MISSING' });
    expect(failure(['f1', 'zz', 'w/*'])).toMatchObject({ code: 'COPY_SOURCE_MISSING' });
  });

  test('ignored ones say by which line', () => {
    const ignore = parseIgnore('node_modules\ndist\n', '.dockerignore');
    expect(failure(['dist/x'], { ignore }).hint).toContain('Line 2 of .dockerignore ("dist")');
  });
});

describe('wildcards', () => {
  test.each<[string, string[]]>([
    ['f?', ['file f1: ']],
    ['w/*/*.txt', ['file 4.txt: ', 'file 1.txt: ', 'file 2.txt: ']],
    ['w/la/*.txt', ['file 1.txt: ']],
    ['w/l*', ['file l1.txt: ', 'directory la: / 1.txt']],
    ['w/[[]x].txt', ['file [x].txt: ']],
    ['w/[a-b]', ['directory a: / 1.txt', 'directory b: / 2.txt 3.log']],
    [
      'w/**',
      [
        'directory .h: / 4.txt',
        'file [x].txt: ',
        'directory a: / 1.txt',
        'directory b: / 2.txt 3.log',
        'file l1.txt: ',
        'directory la: / 1.txt',
        'file top.txt: ',
      ],
    ],
    ['w/**/1.txt', ['file 1.txt: ']],
    ['*/*/b', ['file b: ', 'directory b: / c/ c/f g skip.md']],
    ['nope*', []],
    ['empty/*', []],
    ['f1/*', []],
  ])('%s', (source, expected) => {
    expect(show(select([source]))).toEqual(expected);
  });

  test('a match that is a broken symlink is an error, as is a pattern that is not well-formed', () => {
    expect(failure(['b*'])).toMatchObject({ code: 'COPY_SOURCE_MISSING' });
    expect(failure(['w/['])).toMatchObject({ code: 'COPY_PATTERN' });
    expect(failure(['nope/*'])).toMatchObject({ code: 'COPY_SOURCE_MISSING' });
  });
});

describe('--exclude', () => {
  test.each<[string[], string, string]>([
    [['*.md'], 'p/a', '/ b/ b/c/ b/c/f b/g b/skip.md'],
    [['**/*.md'], 'p/a', '/ b/ b/c/ b/c/f b/g'],
    [['b'], 'p/a', '/ keep.md'],
    [['p/a/b'], 'p/a', '/ b/ b/c/ b/c/f b/g b/skip.md keep.md'],
    [['a', '!a/b/g'], 'p', '/ (a/) (a/b/) a/b/g al x/ x/h'],
    [['a', '!a/b/zz'], 'p', '/ al x/ x/h'],
    [['x/h'], 'p/x/h', ''],
  ])('%j of %s', (exclude, source, expected) => {
    expect(show(select([source], { exclude }))[0]!.replace(/^.*?: /, '')).toBe(expected);
  });

  test('does not exclude a path that a wildcard matched', () => {
    expect(show(select(['p/a/*.md'], { exclude: ['*.md'] }))).toEqual(['file keep.md: ']);
  });
});

describe('--parents', () => {
  test.each<[string, string]>([
    ['p/a/b/g', '(/) (p/) (p/a/) (p/a/b/) p/a/b/g'],
    ['./p/x', '(/) (p/) (p/x/) p/x/h'],
    ['p/./a/b/g', '(/) (a/) (a/b/) a/b/g'],
    ['p/al/./b/g', '(/) (b/) b/g'],
    ['p/**/f', '(/) (p/) (p/a/) (p/a/b/) (p/a/b/c/) p/a/b/c/f'],
    ['p/*/h', '(/) (p/) (p/x/) p/x/h'],
    ['p/al', '(/) (p/) p/al'],
    ['p/zz*', '(/)'],
    ['p/a/./', '/ b/ b/c/ b/c/f b/g b/skip.md keep.md'],
  ])('%s', (source, expected) => {
    const [shown] = show(select([source], { parents: true }));
    expect(shown!.replace(/^directory .*?: /, '')).toBe(expected);
  });

  test('--exclude is relative to the pivot', () => {
    const exclude = ['a/b/c', '**/*.md'];
    expect(show(select(['p/./a'], { parents: true, exclude }))[0]).toMatch(
      /: \(\/\) \(a\/\) \(a\/b\/\) a\/b\/g$/,
    );
  });

  test('a missing path is an error', () => {
    expect(() => select(['p/nope'], { parents: true })).toThrow(
      '"p/nope" does not exist in the build context',
    );
    expect(() => select(['p/al/b/g'], { parents: true })).toThrow(
      expect.objectContaining({ hint: 'Did you mean "p/a/b/g"?' }),
    );
  });

  test('directories that no pattern leads to are not looked at', () => {
    const asked: string[] = [];
    const watched: Tree = {
      get: (path) => tree.get(path),
      children: (path) => {
        asked.push(path);
        return tree.children(path);
      },
    };
    select(['p/*/h'], { parents: true }, watched);
    expect(asked.filter((path) => path.startsWith('w') || path.startsWith('dir'))).toEqual([]);
  });
});

describe('selections', () => {
  const linked = (x: string, y: string): Tree =>
    memoryTree({
      'd/x': x,
      'd/y': { type: 'hardlink', link: 'd/x', size: 1, digest: 'a'.repeat(64) },
      'd/z': y,
    });

  test('names of one file are found within one source', () => {
    const [source] = select(['d'], {}, linked('x', 'z')).sources;
    expect(source!.entries.map(({ path, link }) => [path, link])).toEqual([
      ['', undefined],
      ['x', undefined],
      ['y', 'x'],
      ['z', undefined],
    ]);
    expect(
      select(['d/x', 'd/y'], {}, linked('x', 'z')).sources.map(({ entries }) => entries[0]!.link),
    ).toEqual([undefined, undefined]);
  });

  test('the digest is of content, modes and owners, not of times or places', () => {
    const digest = (files: Parameters<typeof memoryTree>[0], source = 'd', id = 'one') =>
      selectionDigest(select([source], {}, memoryTree(files, id)));
    const same = digest({ 'd/f': { size: 1, digest: '1'.repeat(64) } });
    expect(digest({ 'd/f': { size: 1, digest: '1'.repeat(64), mtime: 7, mtimeNs: 1 } }, 'd', 'two')).toBe(
      same,
    );
    expect(digest({ 'e/f': { size: 1, digest: '1'.repeat(64) } }, 'e')).toBe(same);
    expect(digest({ 'd/f': { size: 1, digest: '1'.repeat(64), xattrs: { 'user.x': 'AA==' } } })).toBe(same);
    for (const change of [
      { mode: 0o600 },
      { uid: 1 },
      { gid: 1 },
      { digest: '2'.repeat(64) },
      { xattrs: { 'security.capability': 'AA==' } },
    ]) {
      expect(digest({ 'd/f': { size: 1, digest: '1'.repeat(64), ...change } })).not.toBe(same);
    }
    expect(digest({ 'd/g': { size: 1, digest: '1'.repeat(64) } })).not.toBe(same);
    expect(digest({ 'd/f': { size: 1, digest: '1'.repeat(64) }, 'd/e/': {} })).not.toBe(same);
  });

  test('the name of a file counts, since a destination directory shows it', () => {
    const files = { x: 'same', y: 'same' };
    expect(selectionDigest(select(['x'], {}, memoryTree(files)))).not.toBe(
      selectionDigest(select(['y'], {}, memoryTree(files))),
    );
  });

  test('files without a digest have to be hashed before', () => {
    const selection = select(['d'], {}, memoryTree({ 'd/f': { size: 1 }, 'd/g': 'known' }));
    expect(unhashed(selection).map(({ path }) => path)).toEqual(['d/f']);
    expect(() => selectionDigest(selection)).toThrow('d/f');
    for (const entry of unhashed(selection)) entry.digest = '1'.repeat(64);
    expect(selectionDigest(selection)).toMatch(/^sha256:/);
  });

  test('heredocs are files of their own', () => {
    const { sources } = select([], { heredocs: [{ name: 'run.sh', data: 'é\n' }], time: 5 });
    expect(sources).toMatchObject([
      {
        kind: 'file',
        name: 'run.sh',
        entries: [{ entry: { type: 'file', mode: 0o644, size: 3, mtime: 5 } }],
      },
    ]);
  });

  test('an archive is its members, without its root', () => {
    const index = LayerIndex.of(
      entriesOf({
        '/': {},
        'a/f': { size: 1, digest: '1'.repeat(64) },
        'a/g': { type: 'hardlink', link: 'a/f', size: 1, digest: '1'.repeat(64) },
      }),
    );
    const source = archiveSource({ id: 'layer', index });
    expect(source.entries.map(({ path, link }) => [path, link])).toEqual([
      ['a/f', undefined],
      ['a/g', 'a/f'],
    ]);
    expect(source.entries[1]!.entry.source).toEqual({ kind: 'layer', layer: 'layer', path: 'a/f' });
    expect(selectionDigest({ sources: [source] })).toMatch(/^sha256:/);
  });

  test('an image without layers has nothing', () => {
    expect(() => select(['etc'], {}, new MergedTree([]))).toThrow(
      expect.objectContaining({ code: 'COPY_SOURCE_MISSING' }),
    );
    expect(show(select(['/'], {}, new MergedTree([])))).toEqual(['directory : /']);
  });
});
