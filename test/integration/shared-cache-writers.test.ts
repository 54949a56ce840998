import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readCache } from '../../src/cache/cache-manifest.ts';
import { FolderPlace } from '../../src/cache/folder-place.ts';
import { LayoutFolder } from '../../src/cache/layout-folder.ts';
import type { Index, Manifest } from '../../src/image/types.ts';
import { openStore } from '../../src/store/store.ts';
import { ended, startCommand } from '../support/build.ts';
import { FakeRegistry } from '../support/registry.ts';
import { tempDir } from '../support/temp-dir.ts';

/** Processes that write at the same time. */
const WRITERS = 5;

describe('a cache that many processes write at once', () => {
  let root: string;
  let folder: string;
  let registry: FakeRegistry | undefined;
  beforeEach(() => {
    root = tempDir();
    folder = join(root, 'cache');
  });
  afterEach(async () => {
    await registry?.close();
    registry = undefined;
  });

  /** One machine, with a file of its own to copy and one that all have. */
  const start = (number: number, to: string) => {
    const context = join(root, `context-${number}`);
    mkdirSync(context, { recursive: true });
    writeFileSync(join(context, 'own'), `file ${number}\n`.repeat(5000));
    writeFileSync(join(context, 'all'), 'the same\n'.repeat(5000));
    writeFileSync(join(context, 'Dockerfile'), 'FROM scratch\nCOPY all /\nCOPY own /\n');
    return startCommand(['build', '-q', '--cache-to', to, context], { home: join(root, `home-${number}`) });
  };
  const writers = (to: (number: number) => string) =>
    Promise.all(Array.from({ length: WRITERS }, (_, number) => ended(start(number, to(number)))));

  /** The digests of everything that a cache names, after a look whether it is there as it should be. */
  const check = (manifest: Buffer, blob: (digest: string) => Buffer | undefined): void => {
    const { config, layers } = JSON.parse(manifest.toString()) as Manifest;
    for (const { digest, size } of [config, ...layers]) {
      const bytes = blob(digest);
      expect([digest, bytes?.length]).toEqual([digest, size]);
      expect(`sha256:${createHash('sha256').update(bytes!).digest('hex')}`).toBe(digest);
    }
  };
  const blobOf = (digest: string) => readFileSync(join(folder, 'blobs', 'sha256', digest.slice(7)));
  const indexOf = () => JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as Index;

  it('in a folder, under different tags: all are kept, whole', async () => {
    const results = await writers((number) => `type=local,dest=${folder},tag=t${number}`);
    expect(results.map(({ code, err }) => ({ code, err }))).toEqual(
      results.map(() => ({ code: 0, err: '' })),
    );
    const { manifests } = indexOf();
    expect(manifests.map(({ annotations }) => Object.values(annotations ?? {})[0]).sort()).toEqual(
      Array.from({ length: WRITERS }, (_, number) => `t${number}`),
    );
    for (const { digest } of manifests) check(blobOf(digest), blobOf);
    // Whoever has made this folder deletes it, unless others are at work.
    const temporary = join(folder, 'tmp');
    expect(existsSync(temporary) ? readdirSync(temporary) : []).toEqual([]);
    const store = openStore({ home: join(root, 'reader') });
    for (let number = 0; number < WRITERS; number++) {
      const [document] = await new FolderPlace(store, folder, `t${number}`).read();
      expect(readCache(document!)!.steps).toHaveLength(2);
    }
  });

  it('in a folder, under one tag: one of them is kept, whole', async () => {
    const results = await writers(() => `type=local,dest=${folder}`);
    expect(results.map(({ code }) => code)).toEqual(results.map(() => 0));
    const { manifests } = indexOf();
    expect(manifests).toHaveLength(1);
    check(blobOf(manifests[0]!.digest), blobOf);
  });

  it('in a registry, under one name: one of them is kept, whole', async () => {
    registry = await FakeRegistry.start();
    const results = await writers(() => `type=registry,ref=${registry!.host}/app:cache`);
    expect(results.map(({ code }) => code)).toEqual(results.map(() => 0));
    const { tags, manifests, blobs } = registry.repository('app');
    check(manifests.get(tags.get('cache')!)!.bytes, (digest) => blobs.get(digest));
  });

  it("some of which are killed: the folder stays valid, with the others' exports", async () => {
    const killed = Array.from({ length: WRITERS }, (_, number) =>
      start(number, `type=local,dest=${folder},tag=k${number}`),
    );
    const ends = killed.map(ended);
    // Whoever comes first has made the folder; all others are somewhere on their way.
    await Promise.race(ends);
    for (const child of killed) child.kill('SIGKILL');
    await Promise.all(ends);
    const results = await writers((number) => `type=local,dest=${folder},tag=t${number}`);
    expect(results.map(({ code }) => code)).toEqual(results.map(() => 0));
    const { manifests } = indexOf();
    expect(manifests.length).toBeGreaterThan(WRITERS);
    for (const { digest } of manifests) check(blobOf(digest), blobOf);
  });

  it('deletes unreferenced blobs after the grace period', async () => {
    const to = `type=local,dest=${folder},tag=t`;
    const names = () => readdirSync(join(folder, 'blobs', 'sha256')).sort();
    const touchAll = () => {
      const before = new Date(Date.now() - 7_200_000);
      for (const name of names()) utimesSync(join(folder, 'blobs', 'sha256', name), before, before);
    };
    const build = async (number: number) => expect(await ended(start(number, to))).toMatchObject({ code: 0 });
    await build(1);
    const first = names();
    await build(2);
    const both = names();
    expect(both).toEqual(expect.arrayContaining(first));
    touchAll();
    await build(2);
    // The layer of the file that both have is needed as before.
    const left = names();
    expect(left.length).toBeLessThan(both.length);
    expect(left.length).toBe(first.length);
    for (const { digest } of indexOf().manifests) check(blobOf(digest), blobOf);
    // Something that is not understood needs whatever there is.
    writeFileSync(join(folder, 'refs', 'x.json'), JSON.stringify({ digest: `sha256:${'0'.repeat(64)}` }));
    touchAll();
    await build(1);
    expect(names()).toEqual(expect.arrayContaining(left));
  });

  it('one after the other within a process, too; tags of other programs are kept', async () => {
    const store = openStore({ home: join(root, 'home') });
    const descriptor = store.blobs.writeJson({ any: 'manifest' }, 'application/json');
    mkdirSync(folder);
    const others = { ...descriptor, annotations: { 'org.opencontainers.image.ref.name': 'other' } };
    writeFileSync(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [others] }));
    const layout = new LayoutFolder(folder);
    await Promise.all(Array.from({ length: 20 }, (_, number) => layout.name(`t${number}`, descriptor)));
    expect(indexOf().manifests).toHaveLength(21);
    expect(layout.find('other').digest).toBe(descriptor.digest);
  });
});
