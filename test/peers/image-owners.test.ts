import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openImage } from '../../src/images/open-image.ts';
import { inspect } from '../../src/inspect/inspect.ts';
import type { Inspection } from '../../src/inspect/inspection.ts';
import { bytesOf } from '../../src/inspect/leaf.ts';
import { Registries } from '../../src/registry/registries.ts';
import { openStore } from '../../src/store/store.ts';
import { runCommandLine } from '../support/command-line.ts';
import { bytesOfFolder, run, works } from '../support/peers.ts';
import { tempDir } from '../support/temp-dir.ts';

const SOURCES = '/etc/apt/sources.list.d/debian.sources';
const isRoot = process.getuid?.() === 0;
/** More packages take minutes: `JETTISON_OWNERS_VARIANT=standard` has about 300. */
const VARIANT = process.env['JETTISON_OWNERS_VARIANT'] ?? 'minbase';
const HAS_UMOCI = works('umoci', '--version');
const HAS_DEBIAN =
  isRoot &&
  existsSync(SOURCES) &&
  HAS_UMOCI &&
  works('mmdebstrap', '--version') &&
  works('dpkg-query', '--version');
const TIME = { timeout: 600_000 };

async function look(text: string, folder: string): Promise<Inspection> {
  const store = openStore({ home: join(folder, 'store') });
  const image = await openImage(text, {
    ...{ store, registries: new Registries({ env: {} }), env: process.env, cwd: folder },
    signal: new AbortController().signal,
  });
  try {
    return await inspect(image, { store });
  } finally {
    await image.close();
  }
}

describe.skipIf(!HAS_DEBIAN)('Debian', () => {
  test('owners are those of dpkg -S, for every file, and sums those of the unpacked tree', TIME, async () => {
    const folder = tempDir();
    const suite = /^Suites:\s*(\S+)/m.exec(run('cat', [SOURCES]))![1]!;
    const tar = join(folder, 'root.tar');
    const args = [
      `--variant=${VARIANT}`,
      '--mode=root',
      '--include=python3-minimal,dash',
      suite,
      tar,
      SOURCES,
    ];
    execFileSync('mmdebstrap', args, { stdio: 'ignore' });
    const umoci = (...args: string[]) => execFileSync('umoci', args, { cwd: folder, stdio: 'ignore' });
    umoci('init', '--layout', 'image');
    umoci('new', '--image', 'image:1');
    umoci('raw', 'add-layer', '--image', 'image:1', tar);
    umoci('unpack', '--image', 'image:1', 'bundle');
    const root = join(folder, 'bundle/rootfs');
    const { census } = await look('oci:image:1', folder);
    expect(census.treeBytes).toBe(bytesOfFolder(root));
    const paths = [...census.leaves.keys()];
    const expected = dpkgOwners(root, paths);
    const wrong = paths.flatMap((path) => {
      const owner = census.leaves.get(path)!.owner;
      const found = owner?.type === 'deb' ? owner.name : undefined;
      // Lists of a merged /usr may name /bin/x, which is at /usr/bin/x.
      const names = expected.get(`/${path}`) ?? expected.get(`/${path.replace(/^usr\//, '')}`);
      const isRight = found === undefined ? names === undefined : (names?.includes(found) ?? false);
      return isRight ? [] : [`${path}: dpkg says ${names}, we say ${found}`];
    });
    expect(wrong).toEqual([]);
    expect(paths.length).toBeGreaterThan(2000);
    expect(expected.size).toBeGreaterThan(2000);
  });
});

/** Names of the packages that have a path in their lists. */
function dpkgOwners(root: string, paths: readonly string[]): Map<string, string[]> {
  const patterns = paths
    .flatMap((path) => [`/${path}`, ...(path.startsWith('usr/') ? [path.slice('usr'.length)] : [])])
    .map((path) => path.replace(/[\\*?[]/g, '\\$&'));
  const owners = new Map<string, string[]>();
  for (let at = 0; at < patterns.length; at += 2000) {
    // It fails when one of them is nobody's.
    const { stdout } = spawnSync(
      'dpkg-query',
      [`--admindir=${root}/var/lib/dpkg`, '-S', ...patterns.slice(at, at + 2000)],
      { encoding: 'utf8', maxBuffer: 1 << 28, env: { ...process.env, LC_ALL: 'C' } },
    );
    for (const [, names, path] of stdout.matchAll(/^(?!diversion)(.*?): (\/.*)$/gm)) {
      owners.set(
        path!,
        names!.split(', ').map((name) => name.replace(/:.*/, '')),
      );
    }
  }
  return owners;
}

/** What each line does to what the ones above it made, and which bytes are pulled and not seen for it. */
const WASTE: [string, string, [path: string, bytes: number, reason: string][]][] = [
  ['a file deleted', 'rm a/one', [['a/one', 1000, 'deleted']]],
  [
    'a folder deleted',
    'rm -r a',
    [
      ['a/one', 1000, 'deleted'],
      ['a/two', 2000, 'deleted'],
    ],
  ],
  [
    'owners changed',
    'chown -R 7:8 a',
    [
      ['a/one', 1000, 'metadata'],
      ['a/two', 2000, 'metadata'],
    ],
  ],
  [
    'a folder made anew',
    'rm -r a && mkdir a && printf x >a/new',
    [
      ['a/one', 1000, 'deleted'],
      ['a/two', 2000, 'deleted'],
    ],
  ],
  [
    'a folder that becomes a file',
    'rm -r a && printf x >a',
    [
      ['a/one', 1000, 'overwritten'],
      ['a/two', 2000, 'overwritten'],
    ],
  ],
  ['a file written again', 'head -c 900 /dev/zero >a/one', [['a/one', 1000, 'overwritten']]],
  ['both names deleted', 'rm -r b', [['b/first', 500, 'deleted']]],
];

describe.skipIf(!HAS_UMOCI || !isRoot)('images of umoci', () => {
  test.each(WASTE)('%s', TIME, async (_, command, expected) => {
    const folder = tempDir();
    const umoci = (...args: string[]) => execFileSync('umoci', args, { cwd: folder, stdio: 'ignore' });
    const sh = (text: string) => execFileSync('sh', ['-euc', text], { cwd: join(folder, 'bundle/rootfs') });
    umoci('init', '--layout', 'image');
    umoci('new', '--image', 'image:1');
    umoci('unpack', '--image', 'image:1', 'bundle');
    sh(
      'mkdir a b; head -c 1000 /dev/zero >a/one; head -c 2000 /dev/zero >a/two; head -c 500 /dev/zero >b/first; ln b/first b/second',
    );
    umoci('repack', '--refresh-bundle', '--image', 'image:1', 'bundle');
    sh(command);
    umoci('repack', '--refresh-bundle', '--image', 'image:1', 'bundle');
    const { census } = await look('oci:image:1', folder);
    const found = census.waste.map(({ path, bytes, reason }) => [path, bytes, reason]).sort();
    expect(found).toEqual(expected);
    expect(census.treeBytes).toBe(bytesOfFolder(join(folder, 'bundle/rootfs')));
    expect(census.shippedBytes).toBe(census.treeBytes + census.wasteBytes);
  });

  test('60 layers: sums are those of the unpacked tree, and every command sees them', TIME, async () => {
    const folder = tempDir();
    const umoci = (...args: string[]) => execFileSync('umoci', args, { cwd: folder, stdio: 'ignore' });
    umoci('init', '--layout', 'image');
    umoci('new', '--image', 'image:1');
    umoci('unpack', '--image', 'image:1', 'bundle');
    const root = join(folder, 'bundle/rootfs');
    for (let layer = 0; layer < 60; layer++) {
      const text = `mkdir -p d${layer % 7}; head -c $((${layer} * 37)) /dev/zero >d${layer % 7}/f${layer % 11}; ln -f d${layer % 7}/f${layer % 11} h${layer % 5}; if [ ${layer % 9} = 8 ]; then rm -rf d${layer % 4}; fi`;
      execFileSync('sh', ['-euc', text], { cwd: root });
      umoci('repack', '--refresh-bundle', '--image', 'image:1', 'bundle');
    }
    umoci('unpack', '--image', 'image:1', 'again');
    const { census, image } = await look('oci:image:1', folder);
    expect(image.layers).toHaveLength(60);
    const unpacked = bytesOfFolder(join(folder, 'again/rootfs'));
    expect(census.treeBytes).toBe(unpacked);
    expect([...census.leaves.values()].reduce((sum, leaf) => sum + bytesOf(leaf), 0)).toBe(unpacked);
    expect(census.shippedBytes).toBe(unpacked + census.wasteBytes);
    const env = { ...process.env, JETTISON_HOME: join(folder, 'store') };
    const path = [...census.leaves.keys()][0]!;
    writeFileSync(join(folder, 'budget.json'), '{"layers": 60}');
    const name = 'oci:image:1';
    const json: [string[], (said: never) => unknown][] = [
      [['explore', '--json', name], ({ layers }: { layers: unknown[] }) => layers.length],
      [['report', '--json', name], ({ layers }: { layers: unknown[] }) => layers.length],
      [['diff', '--json', name, name], ({ layers }: { layers: { shared: number } }) => layers.shared],
      [['compare', '--json', name, name], ([one]: [{ layers: number }]) => one.layers],
    ];
    for (const [args, layersOf] of json) {
      const { code, out, err } = await runCommandLine(args, { cwd: folder, env });
      expect({ args, code, err }).toEqual({ args, code: 0, err: '' });
      expect({ args, layers: layersOf(JSON.parse(out) as never) }).toEqual({ args, layers: 60 });
    }
    const texts: [string[], RegExp][] = [
      [['explore', name], /, 60 layers\n/],
      [['why', name, `/${path}`], / of 60, sha256:/],
      [['budget', '-c', 'budget.json', name], /✓ layers +60 of 60/],
      [['diff', name, name], /./],
      [['compare', name, name], /60/],
    ];
    for (const [args, said] of texts) {
      const { code, out, err } = await runCommandLine(args, { cwd: folder, env });
      expect({ args, code, err }).toEqual({ args, code: 0, err: '' });
      expect(out).toMatch(said);
    }
  });
});
