import { execFile } from 'node:child_process';
import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { openImage } from '../../src/images/open-image.ts';
import { describeSbom } from '../../src/index.ts';
import { inspect } from '../../src/inspect/inspect.ts';
import { Registries } from '../../src/registry/registries.ts';
import type { Bill } from '../../src/sbom/bill.ts';
import { openStore } from '../../src/store/store.ts';
import { tempDir } from '../support/temp-dir.ts';

/** A tree with all that npm knows: of each folder what it is called, its version, and what it asks for. */
const TREE: Record<string, Record<string, unknown>> = {
  '': {
    ...{ name: 'app', version: '1.0.0', workspaces: ['packages/*'] },
    dependencies: { a: '^1.0.0', '@s/c': '1', 'b-old': 'npm:b@1', w: '1.0.0', both: '1' },
    optionalDependencies: { missing: '1', both: '1' },
    devDependencies: { dev: '1' },
  },
  'node_modules/a': {
    name: 'a',
    version: '1.2.3',
    dependencies: { b: '2', bundled: '1' },
    bundleDependencies: ['bundled'],
  },
  'node_modules/a/node_modules/b': { name: 'b', version: '2.0.0', peerDependencies: { '@s/c': '*' } },
  'node_modules/a/node_modules/bundled': { name: 'bundled', version: '1.0.0', dependencies: { b: '2' } },
  'node_modules/b': { name: 'b', version: '1.0.0', optionalDependencies: { 'not-there': '1' } },
  'node_modules/b-old': { name: 'b', version: '1.0.1' },
  'node_modules/@s/c': {
    ...{ name: '@s/c', version: '1.0.0', dependencies: { b: '1', '@s/d': '1' } },
    devDependencies: { dev: '1' },
  },
  'node_modules/@s/d': {
    ...{ name: '@s/d', version: '1.0.0', peerDependencies: { a: '1', dev: '1', nowhere: '1' } },
    peerDependenciesMeta: { dev: { optional: true }, nowhere: { optional: true } },
  },
  'node_modules/both': { name: 'both', version: '1.0.0' },
  'node_modules/dev': { name: 'dev', version: '1.0.0', dependencies: { b: '1', circle: '1' } },
  'node_modules/circle': { name: 'circle', version: '1.0.0', dependencies: { dev: '1' } },
  'node_modules/dev/fixtures/node_modules/fake/x': {
    name: 'fake',
    version: '9.0.0',
    dependencies: { a: '1' },
  },
  'packages/w': {
    name: 'w',
    version: '1.0.0',
    dependencies: { a: '1', own: '1' },
    devDependencies: { dev: '1' },
  },
  'packages/w/node_modules/own': { name: 'own', version: '1.0.0', dependencies: { '@s/c': '1' } },
};

interface Listed {
  path?: string;
  extraneous?: boolean;
  dependencies?: Record<string, Listed>;
}

const folder = tempDir();
beforeAll(() => {
  for (const [path, manifest] of Object.entries(TREE)) {
    mkdirSync(join(folder, 'app', path), { recursive: true });
    writeFileSync(join(folder, 'app', path, 'package.json'), JSON.stringify(manifest, null, 2));
  }
  symlinkSync('../packages/w', join(folder, 'app/node_modules/w'));
});

test('edges are those of `npm ls --all`, also in the bill of materials', { timeout: 120_000 }, async () => {
  const app = realpathSync(join(folder, 'app'));
  const text = await new Promise<string>((resolve) => {
    // It complains of what is missing, and still lists all.
    execFile('npm', ['ls', '--all', '--json', '--long', '--offline'], { cwd: app }, (_, stdout) =>
      resolve(stdout),
    );
  });
  const expected = new Set<string>();
  const walk = (of: Listed, from: string) => {
    for (const one of Object.values(of.dependencies ?? {})) {
      if (one.path === undefined || one.extraneous) continue;
      // Links to members of the workspace are packages of their own to npm.
      const to = relative(app, realpathSync(one.path));
      expected.add(`${from} → ${to}`);
      walk(one, to);
    }
  };
  walk(JSON.parse(text) as Listed, '');
  expect(expected.size).toBeGreaterThan(15);

  const store = openStore({ home: join(folder, 'store') });
  const image = await openImage(`dir:${app}`, {
    ...{ store, registries: new Registries({ env: {} }), env: {}, cwd: app },
    signal: new AbortController().signal,
  });
  const { census } = await inspect(image, { store });
  const found = [...census.packages.values()].flatMap(({ path, requires = [] }) =>
    requires.map((id) => `${path} → ${census.packages.get(id)!.path}`),
  );
  expect(found.sort()).toEqual([...expected].sort());
  const { components } = (await describeSbom(`dir:${app}`, {
    ...{ format: 'json', home: join(folder, 'store') },
  })) as Bill;
  const places = new Map(components.map(({ id, path }) => [id, path]));
  const edges = components.flatMap(({ path, requires }) =>
    requires.map((id) => `${path} → ${places.get(id)}`),
  );
  expect(edges.sort()).toEqual([...expected].sort());
});
