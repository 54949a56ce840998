import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CacheSource, CacheTarget } from '../../src/cache/backends.ts';
import { MEDIA } from '../../src/image/types.ts';
import { verifyStore } from '../../src/store/verify.ts';
import { TestBuilds } from '../support/build.ts';
import { FakeRegistry } from '../support/registry.ts';
import { whyNoSandbox } from '../support/sandbox.ts';
import { IS_THOROUGH, sample } from '../support/thorough.ts';

const DOCKERFILE = `FROM base AS build
WORKDIR /src
COPY a b ./
RUN cat a b >all && echo ran
FROM base
COPY --from=build /src/all /app/
RUN cp /app/all /app/copy && echo ran too
COPY b /app/
`;

describe('a cache that machines share', () => {
  let registry: FakeRegistry;
  const machines: TestBuilds[] = [];
  let why: string | undefined;

  const machine = async () => {
    const builds = await TestBuilds.create({}, { network: 'host' });
    machines.push(builds);
    builds.write({ a: 'a\n', b: 'b\n' });
    return builds;
  };
  beforeEach(async (ctx) => {
    why ??= whyNoSandbox();
    if (why !== undefined) ctx.skip(why);
    registry = await FakeRegistry.start();
  });
  afterEach(async () => {
    await registry?.close();
    for (const builds of machines.splice(0)) builds.remove();
  });

  const places = (kind: string, folder: string): { from: CacheSource; to: CacheTarget } =>
    kind === 'local'
      ? { from: { type: 'local', path: folder }, to: { type: 'local', path: folder, mode: 'max' } }
      : {
          from: { type: 'registry', ref: `${registry.host}/app:cache` },
          to: { type: 'registry', ref: `${registry.host}/app:cache`, mode: 'max' },
        };

  it.each(sample(['registry', 'local'], 1))(
    'of type %s: nothing is run twice, and the image is the same',
    async (kind) => {
      const [one, two] = [await machine(), await machine()];
      const { from, to } = places(kind, join(one.folder, 'cache'));
      const first = await one.build(DOCKERFILE, { cacheTo: [to] });
      expect(first.output).toBe('ran\nran too\n');
      const second = await two.build(DOCKERFILE, { cacheFrom: [from] });
      expect(second.output).toBe('');
      expect(new Set(Object.values(second.outcomes))).toEqual(new Set(['cached']));
      expect(second.digest).toBe(first.digest);
      if (kind === 'registry') {
        const gets = registry.lines.filter((line) => line.startsWith('GET') && line.includes('/blobs/'));
        expect(gets).toHaveLength(1);
      }
      expect((await verifyStore(two.store)).problems).toEqual([]);
    },
  );

  it.each(sample(['registry', 'local'], 1))(
    'of type %s: only layers that a new step stands on are fetched',
    async (kind) => {
      const [one, two] = [await machine(), await machine()];
      const { from, to } = places(kind, join(one.folder, 'cache'));
      await one.build(DOCKERFILE, { cacheTo: [to] });
      two.write({ b: 'other\n' });
      const { output, outcomes } = await two.build(DOCKERFILE, { cacheFrom: [from] });
      expect(output).toBe('ran\nran too\n');
      expect(outcomes['WORKDIR /src']).toBe('cached');
      // The same again, now that nothing is new.
      const more = await two.build(`${DOCKERFILE}RUN cat /app/copy\n`, { cacheFrom: [from] });
      expect(more.output).toBe('a\nother\n');
      expect((await verifyStore(two.store)).problems).toEqual([]);
    },
  );

  it('a RUN sees files of layers that another machine made', async () => {
    const [one, two] = [await machine(), await machine()];
    const { from, to } = places('registry', '');
    await one.build(DOCKERFILE, { cacheTo: [to] });
    const { output } = await two.build(`${DOCKERFILE}RUN cat /app/copy && ls /app\n`, { cacheFrom: [from] });
    expect(output).toBe('a\nb\nall\nb\ncopy\n');
  });

  it('inline: an image is the cache of its own layers', async () => {
    const [one, two] = [await machine(), await machine()];
    const name = `${registry.host}/app:1`;
    const outputs = [{ type: 'image' as const, push: true }];
    const first = await one.build(DOCKERFILE, { tags: [name], outputs, cacheTo: [{ type: 'inline' }] });
    const second = await two.build(`${DOCKERFILE}RUN cat /app/copy\n`, {
      cacheFrom: [{ type: 'registry', ref: name }],
    });
    expect(second.outcomes['RUN cp /app/all /app/copy && echo ran too']).toBe('cached');
    expect(second.output).toBe('a\nb\n');
    expect(second.blobs.slice(0, -1)).toEqual(first.blobs);
  });

  it('mode=min exports layers of the image only', async () => {
    const [one, two] = [await machine(), await machine()];
    const { from, to } = places('registry', '');
    await one.build(DOCKERFILE, { cacheTo: [{ ...to, mode: 'min' } as CacheTarget] });
    const { outcomes } = await two.build(DOCKERFILE, { cacheFrom: [from], target: 'build' });
    expect(outcomes['RUN cat a b >all && echo ran']).toBe('done');
  });

  it('a source that holds no cache is warned of; the others count, the first one first', async () => {
    const [one, two] = [await machine(), await machine()];
    const name = (tag: string) => `${registry.host}/app:${tag}`;
    const outputs = [{ type: 'image' as const, push: true }];
    await one.build(DOCKERFILE, { tags: [name('plain')], outputs });
    const other = registry.addBlob('app', Buffer.from('layer'));
    registry.addManifest('app', 'buildkit', {
      mediaType: MEDIA.ociIndex,
      schemaVersion: 2,
      manifests: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', ...other }],
    } as { mediaType: string });
    const { to } = places('registry', '');
    await one.build(DOCKERFILE, { cacheTo: [to] });
    const from = ['plain', 'buildkit', 'missing', 'cache'].map(
      (tag): CacheSource => ({
        type: 'registry',
        ref: name(tag),
      }),
    );
    const folder: CacheSource = { type: 'local', path: join(two.folder, 'nothing') };
    const built = await two.build(DOCKERFILE, { cacheFrom: [folder, ...from] });
    expect(built.output).toBe('');
    const messages = built.events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
    expect(messages.sort()).toEqual(
      [
        `The cache ${folder.path} is not used: it does not exist`,
        `The cache ${name('plain')} is not used: it contains no cache`,
        `The cache ${name('buildkit')} is not used: it contains no cache`,
        `The cache ${name('missing')} is not used: it does not exist`,
      ].sort(),
    );
  });

  it('uses the first of several sources that have a step', async () => {
    const [one, two, three] = [await machine(), await machine(), await machine()];
    const text = 'FROM base\nRUN cat /proc/sys/kernel/random/uuid > /id\n';
    const refs = ['one', 'two'].map((tag) => ({
      type: 'registry' as const,
      ref: `${registry.host}/app:${tag}`,
    }));
    const first = await one.build(text, { cacheTo: [refs[0]!] });
    const second = await two.build(text, { cacheTo: [refs[1]!] });
    expect(first.blobs).not.toEqual(second.blobs);
    expect((await three.build(text, { cacheFrom: refs })).blobs).toEqual(first.blobs);
    const back = await machine();
    expect((await back.build(text, { cacheFrom: refs.toReversed() })).blobs).toEqual(second.blobs);
  });

  it('steps of another platform are not taken for those of this one', async (ctx) => {
    if (process.arch !== 'x64') ctx.skip('only amd64 runs programs of another architecture by itself');
    const [one, two] = [await machine(), await machine()];
    const { from, to } = places('registry', '');
    const text =
      'FROM --platform=linux/amd64 base AS tools\nFROM scratch\nCOPY --from=tools /bin /bin\nRUN ["/bin/busybox", "touch", "/made"]\n';
    const platform = (name: string) => ({ platform: `linux/${name}` });
    await one.build(text, { cacheTo: [to], ...platform('amd64') });
    const { outcomes } = await two.build(text, { cacheFrom: [from], ...platform('386') });
    expect(Object.values(outcomes)).toContain('done');
    expect(outcomes['COPY --from=tools /bin /bin']).not.toBe('done');
    const again = await two.build(text, { cacheFrom: [from], ...platform('amd64') });
    expect(Object.values(again.outcomes)).not.toContain('done');
  });

  it('a machine re-exports unused layers without downloading them', async () => {
    const [one, two] = [await machine(), await machine()];
    const { from, to } = places('registry', '');
    await one.build(DOCKERFILE, { cacheTo: [to] });
    const before = registry.lines.length;
    await two.build(DOCKERFILE, { cacheFrom: [from], cacheTo: [to] });
    const requests = registry.lines.slice(before);
    expect(requests.filter((line) => /^GET .*\/blobs\//.test(line))).toHaveLength(1);
    expect(requests.filter((line) => /^(POST|PUT|PATCH)/.test(line))).toEqual([]);
    const folder = join(two.folder, 'cache');
    await two.build(DOCKERFILE, {
      cacheFrom: [from],
      cacheTo: [{ type: 'local', path: folder, mode: 'max' }],
    });
    await registry.close();
    const three = await machine();
    const built = await three.build(`${DOCKERFILE}RUN cat /app/copy\n`, {
      cacheFrom: [{ type: 'local', path: folder }],
    });
    expect(built.output).toBe('a\nb\n');
  });

  it.each(sample(['registry', 'local'], 1))(
    'of type %s: imported layers stay usable without the cache',
    async (kind) => {
      const [one, two] = [await machine(), await machine()];
      const folder = join(one.folder, 'cache');
      const { from, to } = places(kind, folder);
      await one.build(DOCKERFILE, { cacheTo: [to] });
      // Something that only has to look into the layers, and a step whose definition is new and whose key is not.
      const text = `${DOCKERFILE.replace('AS build', 'AS build\nRUN true')}COPY --from=build /src/all /src/b /new/\n`;
      await two.build(text, { cacheFrom: [from] });
      rmSync(folder, { recursive: true, force: true });
      const { output } = await two.build(`${text}RUN cat /app/copy /new/b\n`);
      expect(output.slice(-6)).toBe('a\nb\nb\n');
      expect((await verifyStore(two.store)).problems).toEqual([]);
    },
  );

  it('an incomplete folder gives the layers that it has', async () => {
    const [one, two] = [await machine(), await machine()];
    const folder = join(one.folder, 'cache');
    await one.build(DOCKERFILE, { cacheTo: [places('local', folder).to] });
    const layers = one.store.layers.ids().flatMap((id) => one.store.layers.blob(id)?.blob.digest ?? []);
    for (const digest of layers) {
      rmSync(join(folder, 'blobs', 'sha256', digest.slice(7)), { force: true });
    }
    const built = await two.build(DOCKERFILE, { cacheFrom: [places('local', folder).from] });
    expect(built.output).toBe('ran\nran too\n');
  });

  it('two builds that export at once leave a valid cache', async () => {
    const [one, two, three] = [await machine(), await machine(), await machine()];
    const { from, to } = places('local', join(one.folder, 'cache'));
    const other = DOCKERFILE.replace('echo ran too', 'echo ran otherwise');
    await Promise.all([one.build(DOCKERFILE, { cacheTo: [to] }), two.build(other, { cacheTo: [to] })]);
    const results = [DOCKERFILE, other].map((text) => three.build(text, { cacheFrom: [from] }));
    const ran = (await Promise.all(results)).map(({ output }) => output);
    expect(ran.filter((output) => output === '')).toHaveLength(1);
  });

  it('a source that is damaged or missing is warned of; a target that fails is an error unless ignored', async () => {
    const one = await machine();
    const folder = join(one.folder, 'cache');
    const { from, to } = places('local', folder);
    const missing = await one.build(DOCKERFILE, { cacheFrom: [from], cacheTo: [to] });
    expect(missing.events.filter(({ type }) => type === 'warning')).toEqual([
      expect.objectContaining({ code: 'CACHE_SOURCE' }),
    ]);
    for (const name of readdirSync(join(folder, 'blobs', 'sha256'))) {
      writeFileSync(join(folder, 'blobs', 'sha256', name), 'damaged');
    }
    const two = await machine();
    const damaged = await two.build(DOCKERFILE, { cacheFrom: [from] });
    expect(damaged.output).toBe('ran\nran too\n');
    rmSync(folder, { recursive: true });
    await registry.close();
    writeFileSync(join(one.folder, 'file'), '');
    for (const path of [join(one.folder, 'file'), '/proc/x']) {
      expect((await one.failure(DOCKERFILE, { cacheTo: [{ type: 'local', path }] })).code).toBe(
        'CACHE_UNWRITABLE',
      );
      await one.build(DOCKERFILE, { cacheTo: [{ type: 'local', path, ignoreError: true }] });
    }
  });

  // A registry that cannot be reached is tried again for a while, here twice.
  if (IS_THOROUGH)
    it('a registry that cannot be reached is an error, or a warning, after the build', async () => {
      const one = await machine();
      const gone: CacheTarget = { type: 'registry', ref: '127.0.0.1:1/x:y' };
      const failure = await one.failure(DOCKERFILE, { cacheTo: [gone], tags: ['built'] });
      expect(failure.code).toBe('REGISTRY_UNREACHABLE');
      expect(failure.message).toMatch(/^the build is done, but its cache cannot be written: /);
      expect(one.store.images.get('docker.io/library/built:latest')).toBeDefined();
      const ignored = await one.build(DOCKERFILE, { cacheTo: [{ ...gone, ignoreError: true }] });
      expect(ignored.events.filter(({ type }) => type === 'warning')).toEqual([
        expect.objectContaining({ code: 'CACHE_TARGET' }),
      ]);
    });
});
