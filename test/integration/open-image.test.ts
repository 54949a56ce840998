import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openImage } from '../../src/images/open-image.ts';
import { inspect } from '../../src/inspect/inspect.ts';
import { Registries } from '../../src/registry/registries.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { TestBuilds } from '../support/build.ts';
import { FakeRegistry } from '../support/registry.ts';

const DOCKERFILE = `FROM scratch
COPY a b /app/
COPY c /app/sub/
COPY a /app/b
WORKDIR /work
`;

let builds: TestBuilds;
let registry: FakeRegistry;
let elsewhere: Store;
let expected: unknown;

beforeAll(async () => {
  registry = await FakeRegistry.start();
  builds = await TestBuilds.create();
  builds.write({ a: 'aaa', b: 'bb', c: 'c' });
  const name = `${registry.host}/team/app:1`;
  await builds.build(DOCKERFILE, { tags: ['app:1'] });
  for (const args of [
    ['save', '-o', 'docker.tar', 'app:1'],
    ['save', '--format', 'oci-archive', '-o', 'oci.tar', 'app:1'],
    ['tag', 'app:1', name],
    ['push', name],
  ]) {
    expect(await builds.run(args, { cwd: builds.folder })).toMatchObject({ code: 0 });
  }
  mkdirSync(join(builds.folder, 'layout'));
  execFileSync('tar', ['-xf', 'oci.tar', '-C', 'layout'], { cwd: builds.folder });
  execFileSync('gzip', ['-k', 'docker.tar'], { cwd: builds.folder });
  elsewhere = openStore({ home: join(builds.folder, 'elsewhere') });
  expected = await seen('app:1', builds.store);
});
afterAll(async () => {
  builds.remove();
  await registry.close();
});

const open = (text: string, store = elsewhere) =>
  openImage(text, {
    store,
    registries: new Registries({ env: {} }),
    env: {},
    cwd: builds.folder,
    signal: new AbortController().signal,
  });

async function seen(text: string, store = elsewhere) {
  const image = await open(text, store);
  const { census } = await inspect(image, { store });
  await image.close();
  return {
    id: image.id,
    layers: image.layers.map(({ diffId }) => diffId),
    paths: [...census.leaves.values()].map(({ path, layer }) => [path, layer]),
    shipped: census.shippedBytes,
    waste: census.waste,
  };
}

describe('one image is the same', () => {
  test.each([
    ['of docker save', () => 'docker-archive:docker.tar'],
    ['of docker save, compressed', () => 'docker-archive:docker.tar.gz'],
    ['of an OCI archive', () => 'oci-archive:oci.tar'],
    ['of an OCI archive, by its tag', () => 'oci-archive:oci.tar:1'],
    ['of an OCI layout', () => 'oci:layout'],
    ['of an OCI layout, by its tag', () => 'oci:layout:1'],
    ['of a registry', () => `registry://${registry.host}/team/app:1`],
    ['of a registry, where the store has no such name', () => `${registry.host}/team/app:1`],
  ])('%s', async (_, text) => {
    expect(await seen(text())).toEqual(expected);
    expect(readdirSync(elsewhere.layout.blobs)).toEqual([]);
    expect(elsewhere.layout.temporary && leftovers()).toEqual([]);
  });
});

test('wasted bytes are those that a later layer hides', () => {
  expect(expected).toMatchObject({
    paths: [
      ['app/a', 0],
      ['app/b', 2],
      ['app/sub/c', 1],
    ],
    shipped: 9,
    waste: [{ path: 'app/b', bytes: 2, layer: 0, by: 2, reason: 'overwritten' }],
  });
});

test('a layer is read once', async () => {
  const image = await open('app:1', builds.store);
  const moved: number[] = [];
  const closed = { ...image, layers: image.layers.map((layer) => ({ ...layer, open: () => never() })) };
  await inspect(closed, { store: builds.store, onProgress: (_, bytes) => moved.push(bytes) });
  expect(moved).toEqual([]);
});

test('a directory is an image of one layer', async () => {
  const folder = join(builds.folder, 'some:dir');
  mkdirSync(folder);
  writeFileSync(join(folder, 'x'), 'xyz');
  expect(await seen('dir:some:dir')).toMatchObject({ paths: [['x', 0]], shipped: 3, waste: [] });
});

describe('an image that cannot be opened is reported', () => {
  test.each([
    ['docker-archive:none.tar', /none\.tar does not exist$/],
    ['docker-archive:layout', /layout is a directory$/],
    ['oci:none', /none" cannot be used: index\.json is missing$/],
    ['oci:layout:2', /has no image "2"$/],
    ['oci-archive:oci.tar:2', /has no image "2"$/],
    ['dir:docker.tar', /docker\.tar is not a directory$/],
    ['dir:', /invalid image name "dir:"$/],
  ])('%s', async (text, message) => {
    await expect(open(text)).rejects.toMatchObject({ message: expect.stringMatching(message) });
    expect(leftovers()).toEqual([]);
  });

  test('a pipe in place of a blob', async () => {
    const folder = join(builds.folder, 'pipes');
    execFileSync('cp', ['-r', join(builds.folder, 'layout'), folder]);
    const blobs = join(folder, 'blobs', 'sha256');
    for (const name of readdirSync(blobs)) {
      execFileSync('rm', [join(blobs, name)]);
      execFileSync('mkfifo', [join(blobs, name)]);
    }
    await expect(open('oci:pipes')).rejects.toMatchObject({ message: expect.stringContaining('not a file') });
  });
});

function leftovers(): string[] {
  const { temporary } = elsewhere.layout;
  return existsSync(temporary)
    ? readdirSync(temporary).flatMap((name) => readdirSync(join(temporary, name)))
    : [];
}

// biome-ignore lint/correctness/useYield: it is never read
async function* never(): AsyncGenerator<Buffer> {
  throw new Error('the layer is read again');
}
