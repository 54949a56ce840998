import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson } from '../../../src/image/digest.ts';
import { LayerIndex } from '../../../src/layer/layer-index.ts';
import { MergedTree } from '../../../src/layer/merged-tree.ts';
import type { Tree } from '../../../src/layer/tree.ts';
import { parseMode } from '../../../src/solve/copy/mode.ts';
import {
  type Placed,
  type PlaceOptions,
  placeCopy,
  placeDirectory,
} from '../../../src/solve/copy/placement.ts';
import { selectSources } from '../../../src/solve/copy/select.ts';
import { archiveSource } from '../../../src/solve/copy/selection.ts';
import { entriesOf, memoryTree } from '../../support/tree.ts';
import { atOnce } from '../../support/turns.ts';

type Files = Parameters<typeof memoryTree>[0];

const sources: Files = {
  f1: { mode: 0o640, mtime: 50, mtimeNs: 7, size: 5, digest: '1'.repeat(64) },
  f2: 'two',
  'dir/': { mode: 0o2750, mtime: 60, uid: 3, gid: 4 },
  'dir/a': { mode: 0o4755, digest: '2'.repeat(64) },
  'dir/alink': '-> a',
  'dir/sub/': { mode: 0o700, mtime: 70 },
  'dir/sub/b': 'b',
  'over-dir/sub': 'a file',
  'over-file/file/x': 'x',
  'over-link/flink/x': 'x',
  'file-over-link/flink': 'new',
  pipe: { type: 'fifo' },
  'twice/x': 'same',
  'twice/y': { type: 'hardlink', link: 'twice/x', size: 4, digest: '3'.repeat(64) },
};

const base: Files = {
  'exist/': { mode: 0o700, uid: 7, gid: 8, mtime: 99 },
  'exist/file': 'old',
  'exist/flink': '-> file',
  'exist/sub/': { mode: 0o711, uid: 9, gid: 9 },
  link: '-> exist',
  dangling: '-> /nowhere/x',
};

function copy(
  from: string | string[],
  to: string,
  options: Partial<PlaceOptions & { parents: boolean; exclude: string[] }> = {},
  image: Files | Tree = base,
): Placed {
  const { parents = false, exclude = [], ...rest } = options;
  const selection = atOnce(
    selectSources(memoryTree(sources, 'sources'), {
      sources: [from].flat(),
      parents,
      exclude,
      place: 'the build context',
    }),
  );
  const tree =
    'get' in image && typeof image.get === 'function' ? (image as Tree) : memoryTree(image as Files, 'base');
  return placeCopy(selection, tree, { path: to, ...rest });
}

/** Entries in short: `/path mode uid:gid mtime`, `-> target` behind symlinks and `= path` behind hard links. */
function show({ entries }: Placed): string[] {
  return entries.map(({ path, type, mode, uid, gid, mtime, link }) => {
    const end = type === 'symlink' ? ` -> ${link}` : type === 'hardlink' ? ` = ${link}` : '';
    return `${path}${type === 'directory' ? '/' : ''} ${mode.toString(8)} ${uid}:${gid} ${mtime}${end}`;
  });
}

function conflict(from: string | string[], to: string): string {
  try {
    copy(from, to);
  } catch (error) {
    expect(error).toMatchObject({ code: 'COPY_CONFLICT' });
    return (error as Error).message;
  }
  throw new Error('nothing was thrown');
}

describe('a file', () => {
  const f1 = '640 0:0 50';
  test.each<[string, string[]]>([
    ['/n', [`n ${f1}`]],
    ['/n/', ['n/ 755 0:0 0', `n/f1 ${f1}`]],
    ['/q/r/n', ['q/ 755 0:0 0', 'q/r/ 755 0:0 0', `q/r/n ${f1}`]],
    ['/', [`f1 ${f1}`]],
    ['/exist', ['exist/ 700 7:8 0', `exist/f1 ${f1}`]],
    ['/exist/', ['exist/ 700 7:8 0', `exist/f1 ${f1}`]],
    ['/link', ['exist/ 700 7:8 0', `exist/f1 ${f1}`]],
    ['/link/sub/n', ['exist/ 700 7:8 0', 'exist/sub/ 711 9:9 0', `exist/sub/n ${f1}`]],
    ['/exist/file', ['exist/ 700 7:8 0', `exist/file ${f1}`]],
    // A destination that is a symlink is followed, even to where nothing is yet.
    ['/exist/flink', ['exist/ 700 7:8 0', `exist/file ${f1}`]],
    ['/dangling', ['nowhere/ 755 0:0 0', `nowhere/x ${f1}`]],
    ['/dangling/', ['nowhere/ 755 0:0 0', 'nowhere/x/ 755 0:0 0', `nowhere/x/f1 ${f1}`]],
    ['/exist/sub/../zz/../y', ['exist/ 700 7:8 0', `exist/y ${f1}`]],
    ['/../n', [`n ${f1}`]],
  ])('to %s', (to, expected) => {
    expect(show(copy('f1', to))).toEqual(expected);
  });

  test('keeps nanoseconds, its source and its digest', () => {
    expect(copy('f1', '/n').entries[0]).toEqual({
      path: 'n',
      type: 'file',
      mode: 0o640,
      uid: 0,
      gid: 0,
      size: 5,
      mtime: 50,
      mtimeNs: 7,
      digest: '1'.repeat(64),
      source: { kind: 'layer', layer: 'sources', path: 'f1' },
    });
  });

  test('is named as it was written', () => {
    expect(show(copy(['f1', 'f2'], '/n/')).map((line) => line.split(' ')[0])).toEqual(['n/', 'n/f1', 'n/f2']);
    expect(show(copy(['pipe'], '/n'))).toEqual(['n 644 0:0 1000']);
  });

  test('of several to one path, the last counts', () => {
    expect(show(copy(['f2', 'f1'], '/n'))).toEqual([`n ${f1}`]);
  });

  test('cannot replace a directory, nor go below a file', () => {
    expect(conflict('over-dir/sub', '/exist/')).toContain('/exist/sub is a directory');
    expect(conflict('over-dir/sub', '/exist')).toContain('/exist/sub is a directory');
    expect(conflict('f1', '/exist/file/x')).toContain('/exist/file in the image is not a directory');
    expect(conflict('f1', '/exist/file/')).toContain('/exist/file in the image is not a directory');
    expect(conflict('over-dir', '/exist')).toContain('/exist/sub is a directory');
  });
});

describe('a directory', () => {
  const contents = (at: string) => [
    `${at}/a 4755 0:0 1000`,
    `${at}/alink 777 0:0 1000 -> a`,
    `${at}/sub/ 700 0:0 70`,
    `${at}/sub/b 644 0:0 1000`,
  ];
  test('gives its contents; where it goes is 0755 and root’s, with its time', () => {
    expect(show(copy('dir', '/n'))).toEqual(['n/ 755 0:0 60', ...contents('n')]);
    expect(show(copy('dir', '/n/m/'))).toEqual(['n/ 755 0:0 0', 'n/m/ 755 0:0 60', ...contents('n/m')]);
  });

  test('leaves mode and owner of a destination that is there, but not of directories below', () => {
    expect(show(copy('dir', '/link/'))).toEqual(['exist/ 700 7:8 60', ...contents('exist')]);
  });

  test('to the root', () => {
    expect(show(copy('dir', '/'))).toEqual(contents('').map((line) => line.slice(1)));
  });

  test('cannot replace a file or a symlink', () => {
    expect(conflict('dir', '/exist/file')).toContain('/exist/file in the image is not a directory');
    expect(conflict('over-file', '/exist')).toContain('/exist/file in the image is not a directory');
    expect(conflict('over-link', '/exist')).toContain('/exist/flink in the image is not a directory');
    expect(conflict(['f1', 'dir'], '/n')).toContain('/n in the image is not a directory');
  });

  test('a file below it replaces a symlink', () => {
    expect(show(copy('file-over-link', '/exist'))).toEqual(['exist/ 700 7:8 0', 'exist/flink 644 0:0 1000']);
  });

  test('and a file into the same place', () => {
    expect(show(copy(['dir', 'f1'], '/n')).map((line) => line.split(' ')[0])).toEqual([
      'n/',
      'n/a',
      'n/alink',
      'n/f1',
      'n/sub/',
      'n/sub/b',
    ]);
  });

  test('keeps hard links among its files', () => {
    expect(show(copy('twice', '/n'))).toEqual(['n/ 755 0:0 0', 'n/x 644 0:0 1000', 'n/y 644 0:0 1000 = n/x']);
    expect(show(copy(['twice/x', 'twice/y'], '/n/'))).toEqual([
      'n/ 755 0:0 0',
      'n/x 644 0:0 1000',
      'n/y 644 0:0 1000',
    ]);
  });

  test('a hard link whose first name is replaced later is the file itself', () => {
    const placed = copy(['twice', 'twice/x', 'f2'], '/n/');
    expect(placed.entries.map(({ path, type }) => [path, type])).toEqual([
      ['n', 'directory'],
      ['n/f2', 'file'],
      ['n/x', 'file'],
      ['n/y', 'file'],
    ]);
    expect(placed.entries[3]!.source).toBeDefined();
  });
});

describe('--chown and --chmod', () => {
  test('an owner is everything’s, made directories included, but not that of directories that were there', () => {
    expect(show(copy('dir', '/exist/deep', { owner: { uid: 5, gid: 6 } }))).toEqual([
      'exist/ 700 7:8 0',
      'exist/deep/ 755 5:6 60',
      'exist/deep/a 4755 5:6 1000',
      'exist/deep/alink 777 5:6 1000 -> a',
      'exist/deep/sub/ 700 5:6 70',
      'exist/deep/sub/b 644 5:6 1000',
    ]);
    expect(show(copy('dir', '/exist', { owner: { uid: 5, gid: 6 } }))).toContain('exist/sub/ 700 5:6 70');
  });

  test('an octal mode is everything’s but that of symlinks and directories that were there', () => {
    expect(show(copy('dir', '/q/r/', { mode: parseMode('701') }))).toEqual([
      'q/ 701 0:0 0',
      'q/r/ 701 0:0 60',
      'q/r/a 701 0:0 1000',
      'q/r/alink 777 0:0 1000 -> a',
      'q/r/sub/ 701 0:0 70',
      'q/r/sub/b 701 0:0 1000',
    ]);
    expect(show(copy('dir', '/exist', { mode: parseMode('750') }))[0]).toBe('exist/ 700 7:8 60');
  });

  test('a symbolic mode changes copied entries, not created directories', () => {
    expect(show(copy('dir', '/q/r/', { mode: parseMode('go-r') }))).toEqual([
      'q/ 755 0:0 0',
      'q/r/ 755 0:0 60',
      'q/r/a 4711 0:0 1000',
      'q/r/alink 777 0:0 1000 -> a',
      'q/r/sub/ 700 0:0 70',
      'q/r/sub/b 600 0:0 1000',
    ]);
  });

  test('owners of another image are kept, but not that of the directory named', () => {
    const selection = atOnce(
      selectSources(memoryTree(base), {
        sources: ['exist'],
        exclude: [],
        parents: false,
        place: 'x',
      }),
    );
    expect(show(placeCopy(selection, memoryTree({}), { path: '/n/m/' }))).toEqual([
      'n/ 755 0:0 0',
      'n/m/ 755 0:0 99',
      'n/m/file 644 0:0 1000',
      'n/m/flink 777 0:0 1000 -> file',
      'n/m/sub/ 711 9:9 1000',
    ]);
  });
});

describe('--parents and --exclude', () => {
  test('directories on the way look as in the source where they are made, and stay where they are', () => {
    expect(show(copy('dir/sub/b', '/n/', { parents: true }))).toEqual([
      'n/ 755 0:0 0',
      'n/dir/ 2750 3:4 60',
      'n/dir/sub/ 700 0:0 70',
      'n/dir/sub/b 644 0:0 1000',
    ]);
    expect(show(copy('dir/./sub/b', '/exist', { parents: true }))).toEqual([
      'exist/ 700 7:8 0',
      'exist/sub/ 711 9:9 0',
      'exist/sub/b 644 0:0 1000',
    ]);
  });

  test('the destination is a directory, slash or not', () => {
    expect(show(copy('f1', '/n', { parents: true }))).toEqual(['n/ 755 0:0 0', 'n/f1 640 0:0 50']);
  });

  test('a directory above a path that --exclude includes again stays in place', () => {
    const exclude = ['sub', '!sub/b'];
    expect(show(copy('dir', '/exist', { exclude }))).toContain('exist/sub/ 711 9:9 0');
    expect(show(copy('dir', '/n', { exclude }))).toContain('n/sub/ 700 0:0 70');
  });
});

describe('archives', () => {
  function extract(
    members: Files,
    to: string,
    options: Partial<PlaceOptions> = {},
    image: Files = base,
  ): Placed {
    const source = archiveSource({ id: 'archive', index: LayerIndex.of(entriesOf(members)) });
    return placeCopy({ sources: [source] }, memoryTree(image, 'base'), { path: to, ...options });
  }
  const members: Files = {
    '/': { mode: 0o701 },
    'exist/': { mode: 0o711, uid: 9, gid: 10 },
    'exist/file/': {},
    'exist/file/in': 'in',
    'exist/flink': 'no link any more',
    'exist/hl': { mode: 0o640, uid: 9, gid: 10 },
    'exist/sub': { type: 'hardlink', link: 'exist/hl', mode: 0o640, uid: 9, gid: 10 },
    'link/': {},
    'link/x': 'x',
  };

  test('members replace existing entries, directories are merged', () => {
    expect(show(extract(members, '/'))).toEqual([
      'exist/ 711 9:10 1000',
      'exist/file/ 755 0:0 1000',
      'exist/file/in 644 0:0 1000',
      'exist/flink 644 0:0 1000',
      'exist/hl 640 9:10 1000',
      'exist/sub 640 9:10 1000 = exist/hl',
      'link/ 755 0:0 1000',
      'link/x 644 0:0 1000',
    ]);
  });

  test('go into the destination, whether it ends with a slash or not; --chmod does not count', () => {
    for (const to of ['/n', '/n/']) {
      expect(show(extract({ f: 'f' }, to, { mode: parseMode('700') }))).toEqual([
        'n/ 755 0:0 0',
        'n/f 644 0:0 1000',
      ]);
    }
  });

  test('--chown is for members and the destination, not for directories that no member lists', () => {
    expect(show(extract({ 'deep/f': { uid: 3, gid: 3 } }, '/n/m', { owner: { uid: 5, gid: 6 } }))).toEqual([
      'n/ 755 5:6 0',
      'n/m/ 755 5:6 0',
      'n/m/deep/ 755 0:0 0',
      'n/m/deep/f 644 5:6 1000',
    ]);
  });

  test('symlinks on the way are followed inside the root, and observed', () => {
    const placed = extract({ 'link/f': 'f' }, '/');
    expect(show(placed)).toEqual(['exist/ 700 7:8 0', 'exist/f 644 0:0 1000']);
    expect(placed.observations.below).toEqual({ link: '-> exist', exist: 'directory 0700 7:8' });
  });

  test('a file in place of the destination is an error', () => {
    expect(() => extract({ f: 'f' }, '/exist/file')).toThrow(
      expect.objectContaining({ code: 'COPY_CONFLICT' }),
    );
  });

  test('an entry that one archive hides and another adds again hides the layers below', () => {
    const first = archiveSource({ id: 'one', index: LayerIndex.of(entriesOf({ 'exist/sub': 'file' })) });
    const second = archiveSource({ id: 'two', index: LayerIndex.of(entriesOf({ 'exist/sub/': {} })) });
    const { entries } = placeCopy({ sources: [first, second] }, memoryTree(base), { path: '/' });
    expect(entries.find(({ path }) => path === 'exist/sub')).toMatchObject({
      type: 'directory',
      opaque: true,
    });
  });
});

describe('observations', () => {
  test('are where things went, and the directories that stay', () => {
    const placed = copy(['f1', 'dir'], '/link/sub', { owner: { uid: 1, gid: 2 } });
    expect(placed.targets).toEqual(['exist/sub/f1', 'exist/sub']);
    expect(placed.observations).toEqual({
      below: {
        link: '-> exist',
        exist: 'directory 0700 7:8',
        'exist/sub': 'directory 0711 9:9',
      },
      owner: '1:2',
    });
    expect(copy('f1', '/new/x').observations).toEqual({ below: {} });
  });

  test('the layer does not depend on anything else of the image', () => {
    const changed: Files = {
      ...base,
      'exist/': { mode: 0o700, uid: 7, gid: 8, mtime: 12345 },
      'exist/file': 'changed',
      'elsewhere/x': 'x',
      'exist/sub/y': 'y',
    };
    for (const to of ['/exist/', '/n/', '/link/file']) {
      expect(copy('f1', to, {}, changed)).toEqual(copy('f1', to));
    }
  });

  const path = fc.constantFrom('a', 'a/f1', 'a/b', 'a/b/f1', 'b', 'b/sub', 'f1', 'sub');
  const what = fc.constantFrom<Files[string]>(
    'file',
    '-> a',
    '-> /b',
    '-> nowhere',
    { type: 'directory', mode: 0o700 },
    { type: 'directory', mode: 0o755, mtime: 3 },
  );
  /** Without what would lie below a file or link. */
  const clear = (pairs: [string, Files[string]][]) => {
    const isDirectory = (entry: Files[string]) => typeof entry === 'object' && entry.type === 'directory';
    const files: Files = {};
    for (const [at, entry] of pairs) {
      const blocked = Object.entries(files).some(
        ([other, value]) =>
          (at.startsWith(`${other}/`) && !isDirectory(value)) ||
          (other.startsWith(`${at}/`) && !isDirectory(entry)),
      );
      if (!blocked) files[at] = entry;
    }
    return files;
  };
  const image = fc.array(fc.tuple(path, what), { maxLength: 5 }).map(clear);
  const source = fc.constantFrom<string[]>(
    ['f1'],
    ['dir'],
    ['f1', 'dir'],
    ['dir', 'f2'],
    ['twice', 'f1'],
    ['.'],
  );
  const target = fc.constantFrom('/', '/a', '/a/', '/a/b', '/b/new/', '/a/b/c/d', '/sub');
  const flags = fc.constantFrom<{ parents?: boolean; exclude?: string[] }>(
    {},
    { parents: true },
    { exclude: ['sub', '!sub/b'] },
  );

  /** What an archive that is extracted may hold: names that meet those of images. */
  const members = fc
    .uniqueArray(fc.tuple(path, what), { minLength: 1, maxLength: 4, selector: ([at]) => at })
    .map((pairs) => LayerIndex.of(entriesOf(clear(pairs))));
  const archives = fc.array(members, { minLength: 1, maxLength: 3 });

  /** Asserts that whatever has equal observations has equal layers. */
  const oneLayerEach = () => {
    const layers = new Map<string, string>();
    return (what: unknown, place: () => Placed) => {
      let placed: Placed;
      try {
        placed = place();
      } catch (error) {
        expect(error).toMatchObject({ code: expect.stringMatching(/^(COPY_CONFLICT|SYMLINK_LOOP)$/) });
        return;
      }
      const key = canonicalJson([what, placed.observations]);
      const layer = JSON.stringify(placed.entries);
      const known = layers.get(key) ?? layer;
      // Not every time: it is called thousands of times.
      if (known !== layer) expect(layer).toBe(known);
      layers.set(key, layer);
    };
  };

  test('same observations, same layer', () => {
    const check = oneLayerEach();
    fc.assert(
      fc.property(image, source, target, flags, (files, from, to, options) =>
        check([from, to, options], () => copy(from, to, options, files)),
      ),
      { numRuns: 400 },
    );
  });

  test('same observations, same layer: of archives', () => {
    fc.assert(
      fc.property(
        archives,
        target,
        fc.array(image, { minLength: 2, maxLength: 20 }),
        (indexes, to, images) => {
          const check = oneLayerEach();
          const selected = indexes.map((index, i) => archiveSource({ id: `${i}`, index }));
          for (const files of images) {
            check('', () => placeCopy({ sources: selected }, memoryTree(files, 'base'), { path: to }));
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  test('same observations, same layer: of WORKDIR', async () => {
    const layers = new Map<string, string>();
    await fc.assert(
      fc.asyncProperty(image, target, async (files, to) => {
        const placed = await placeDirectory(memoryTree(files, 'base'), to).catch(() => undefined);
        if (placed === undefined) return;
        const key = canonicalJson([to, placed.observations]);
        const layer = JSON.stringify(placed.entries);
        expect(layer).toBe(layers.get(key) ?? layer);
        layers.set(key, layer);
      }),
      { numRuns: 400 },
    );
  });

  test('the merged tree holds every file that was copied, and every directory of the layer has a parent', () => {
    fc.assert(
      fc.property(image, source, target, flags, (files, from, to, options) => {
        let placed: Placed;
        try {
          placed = copy(from, to, options, files);
        } catch {
          return;
        }
        const paths = new Set(placed.entries.map(({ path: at }) => at));
        expect(paths.size).toBe(placed.entries.length);
        for (const at of paths) {
          if (at.includes('/')) expect(paths.has(at.slice(0, at.lastIndexOf('/')))).toBe(true);
        }
        const below = memoryTree(files, 'base') as MergedTree;
        const merged = new MergedTree([
          { id: 'base', index: LayerIndex.of(flatten(below)) },
          { id: 'top', index: LayerIndex.of(placed.entries) },
        ]);
        for (const entry of placed.entries) {
          expect(merged.get(entry.path)?.mode).toBe(entry.mode);
        }
      }),
      { numRuns: 200 },
    );
  });
});

function flatten(tree: Tree, at = ''): ReturnType<typeof entriesOf> {
  return tree.children(at).flatMap((name) => {
    const path = at === '' ? name : `${at}/${name}`;
    const { inode: _, ...entry } = tree.get(path)!;
    return [entry, ...flatten(tree, path)];
  });
}

describe('WORKDIR', () => {
  test('creates missing directories, 0755 and owned by root', async () => {
    expect(show(await placeDirectory(memoryTree(base), '/link/new/dir', { time: 5 }))).toEqual([
      'exist/ 700 7:8 5',
      'exist/new/ 755 0:0 5',
      'exist/new/dir/ 755 0:0 5',
    ]);
  });

  test('gives created directories to the user', async () => {
    const owner = async () => ({ uid: 5, gid: 6 });
    const placed = await placeDirectory(memoryTree(base), '/exist/new/dir', { owner });
    expect(show(placed)).toEqual(['exist/ 700 7:8 0', 'exist/new/ 755 5:6 0', 'exist/new/dir/ 755 5:6 0']);
    expect(placed.observations.owner).toBe('5:6');
  });

  test('makes nothing where everything is there, and says that it was', async () => {
    const owner = () => Promise.reject(new Error('asked'));
    expect(await placeDirectory(memoryTree(base), '/link/sub', { owner })).toEqual({
      observations: { below: { link: '-> exist', 'exist/sub': 'directory' } },
      targets: ['exist/sub'],
      entries: [],
    });
    expect((await placeDirectory(memoryTree({}), '/foo')).observations).toEqual({ below: {} });
    expect((await placeDirectory(new MergedTree([]), '/')).entries).toEqual([]);
  });

  test('a file in the way is an error', async () => {
    await expect(placeDirectory(memoryTree(base), '/exist/file/x')).rejects.toMatchObject({
      code: 'COPY_CONFLICT',
    });
  });
});
