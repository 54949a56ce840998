import { readdirSync, readFileSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Manifest } from '../../src/image/types.ts';
import { removeTree } from '../../src/store/remove-tree.ts';
import { type Ended, TestBuilds } from '../support/build.ts';
import { whyNoSandbox } from '../support/sandbox.ts';
import { sample } from '../support/thorough.ts';

const DOCKERFILE = `FROM base
COPY a.txt /a/
RUN cat /proc/sys/kernel/random/uuid > /uuid
COPY b.txt /b/
`;

let builds: TestBuilds;

beforeEach(async (ctx) => {
  const why = whyNoSandbox();
  if (why !== undefined) return ctx.skip(why);
  builds = await TestBuilds.create({});
  builds.write({ Dockerfile: DOCKERFILE, 'a.txt': 'a', 'b.txt': 'b' });
  expect(await build()).toMatchObject({ code: 0 });
});
afterEach(() => builds?.remove());

const build = (...args: string[]): Promise<Ended> =>
  builds.command(['build', '--progress=plain', '-t', 'app', ...args, builds.context]);
const doctor = (): Promise<Ended> => builds.command(['doctor', '--store']);

/** Files of the store whose paths match, relative to it. */
function files(pattern: RegExp): string[] {
  return readdirSync(builds.home, { recursive: true, encoding: 'utf8' })
    .filter((path) => pattern.test(path) && statSync(join(builds.home, path)).isFile())
    .map((path) => join(builds.home, path));
}

/** The blob of the base's only layer. */
function baseBlob(): string {
  const { digest } = builds.store.images.get('docker.io/library/base:latest')!.manifest;
  return builds.store.blobs.path(builds.store.blobs.readJson<Manifest>(digest).layers[0]!.digest);
}

function invert(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at]! ^= 0xff;
  writeFileSync(path, bytes);
}

/** Files that are truncated, and what is kept of them. */
const TRUNCATED = [
  ['records of layers', /^layers\/[^/]+\/layer\.json$/, 0],
  ['records of layers', /^layers\/[^/]+\/layer\.json$/, 0.5],
  ['indexes', /^layers\/[^/]+\/index$/, 0],
  ['notes of packed layers', /^layers\/[^/]+\/blob\.json$/, 0],
  ['step records', /^steps\//, 0.5],
  ['the memory of the context', /^contexts\//, 0.5],
  ['the list of images for other programs', /^index\.json$/, 0],
] as const;

describe('files truncated by a power failure', () => {
  test.for(sample(TRUNCATED, 3))('%s: it is made again', async ([, pattern, kept]) => {
    for (const path of files(pattern)) truncateSync(path, Math.floor(statSync(path).size * kept));
    expect(await build()).toMatchObject({ code: 0 });
    // On what has been made again, something can be made.
    await builds.build(`${DOCKERFILE}RUN cat /a/a.txt /uuid /b/b.txt\n`);
    // What no build needed yet can be dropped.
    expect(await builds.command(['builder', 'prune', '--all', '--force'])).toMatchObject({ code: 0 });
    expect(await doctor()).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(builds.indexJson()).manifests).toHaveLength(builds.store.images.list().length);
  });

  test('an image’s own blobs: a build makes them again', async () => {
    const { digest } = builds.store.images.get('docker.io/library/app:latest')!.manifest;
    const manifest = builds.store.blobs.readJson<Manifest>(digest);
    const made = manifest.layers.slice(1).map((layer) => layer.digest);
    for (const each of [digest, manifest.config.digest, ...made])
      truncateSync(builds.store.blobs.path(each), 1);
    expect((await doctor()).code).toBe(1);
    expect(await build()).toMatchObject({ code: 0 });
    expect(builds.store.images.get('docker.io/library/app:latest')!.manifest.digest).toBe(digest);
    expect(await doctor()).toMatchObject({ code: 0 });
  });

  test('a name: index.json says the same once more', async () => {
    const [file] = files(/^images\/.*app/);
    truncateSync(file!, 0);
    expect(await builds.command(['inspect', 'app'])).toMatchObject({ code: 0 });
    expect(await doctor()).toMatchObject({
      code: 1,
      out: expect.stringMatching(
        /^problem: the file of the image name docker\.io\/library\/app:latest is damaged/,
      ),
    });
    expect(await builds.command(['doctor', '--store', '--repair'])).toMatchObject({ code: 0 });
    expect(await doctor()).toMatchObject({ code: 0 });
    expect(await builds.command(['inspect', 'app'])).toMatchObject({ code: 0 });
  });

  test('a process that ends before it writes index.json loses nothing: the next command writes it', async () => {
    const { index } = builds.store.layout;
    const before = builds.indexJson();
    const { atime, mtime } = statSync(index);
    expect(await builds.command(['tag', 'app', 'other'])).toMatchObject({ code: 0 });
    writeFileSync(index, before);
    utimesSync(index, atime, new Date(mtime.getTime() - 1000));
    expect(await doctor()).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^index\.json is older than the image names.*\n.*nothing is wrong\n$/),
    });
    expect(await builds.command(['tag', 'app', 'third'])).toMatchObject({ code: 0 });
    expect(JSON.parse(builds.indexJson()).manifests).toHaveLength(builds.store.images.list().length);
    expect(await doctor()).toMatchObject({ code: 0, out: expect.not.stringContaining('older') });
  });

  test('a name, and the list of names: the image is unknown, which doctor explains', async () => {
    const [file] = files(/^images\/.*app/);
    truncateSync(file!, 0);
    truncateSync(builds.store.layout.index, 10);
    for (const command of [
      ['inspect', 'app'],
      ['save', 'app', '-o', join(builds.folder, 'x.tar')],
    ]) {
      expect(await builds.command(command)).toMatchObject({
        code: 1,
        err: expect.stringMatching(/^error: the file of the image name "app:latest" is damaged/),
      });
    }
    expect(await doctor()).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^problem: the image name docker\.io\/library\/app:latest has been lost/),
    });
    expect(await builds.command(['prune', '--force'])).toMatchObject({ code: 0 });
    expect(await doctor()).toMatchObject({ code: 0 });
  });
});

describe('a damaged blob of a base image', () => {
  test.for(sample(['changed', 'cut short'], 1))(
    'that is %s is an error with a hint that repairs it',
    async (how) => {
      const archive = join(builds.folder, 'base.tar');
      expect(await builds.command(['save', '-o', archive, 'base'])).toMatchObject({ code: 0 });
      await builds.command(['builder', 'prune', '--all', '--force']);
      const blob = baseBlob();
      for (const id of builds.store.layers.ids()) removeTree(builds.store.layout.layer(id));
      if (how === 'changed') invert(blob, 100_000);
      else truncateSync(blob, 100_000);

      const { code, err } = await build();
      expect(code).toBe(1);
      expect(err).toMatch(/error: .*(damaged|not in the store|cannot read)/);
      expect(err).toContain('hint: ');
      expect(err).not.toMatch(/^ {4}at /m);
      expect(await builds.command(['load', '-i', archive])).toMatchObject({ code: 0 });
      expect(await build()).toMatchObject({ code: 0 });
      expect(await doctor()).toMatchObject({ code: 0 });
    },
  );
});

test('doctor finds every kind of damage, with a hint', async () => {
  const [index] = files(/^layers\/[^/]+\/index$/);
  invert(index!, 20);
  invert(baseBlob(), 100);
  const [content] = files(/^layers\/[^/]+\/dir[^/]*\/usr\/a$/);
  writeFileSync(content!, 'longer');
  const { code, out } = await doctor();
  expect(code).toBe(1);
  expect(out.match(/^problem: /gm)!.length).toBeGreaterThanOrEqual(2);
  expect(out).toContain('jettison builder prune --all');
});
