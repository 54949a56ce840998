import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CacheSource, CacheTarget } from '../../src/cache/places.ts';
import { verifyStore } from '../../src/store/verify.ts';
import { TestBuilds } from '../support/build.ts';
import { FakeRegistry } from '../support/registry.ts';
import { whyNoSandbox } from '../support/sandbox.ts';

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
    const builds = await TestBuilds.create({});
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

  it.each(['registry', 'local'])(
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

  it.each(['registry', 'local'])(
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

  it('a RUN on what another machine made sees its files', async () => {
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

  it('mode=min leaves out what is not in the image', async () => {
    const [one, two] = [await machine(), await machine()];
    const { from, to } = places('registry', '');
    await one.build(DOCKERFILE, { cacheTo: [{ ...to, mode: 'min' } as CacheTarget] });
    const { outcomes } = await two.build(DOCKERFILE, { cacheFrom: [from], target: 'build' });
    expect(outcomes['RUN cat a b >all && echo ran']).toBe('done');
  });

  it.each(['registry', 'local'])('of type %s: what was found stays usable without it', async (kind) => {
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
  });

  it('two who write at once leave a whole cache', async () => {
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
    const gone: CacheTarget = { type: 'registry', ref: '127.0.0.1:1/x:y' };
    expect((await one.failure(DOCKERFILE, { cacheTo: [gone] })).code).toBe('REGISTRY_UNREACHABLE');
    const ignored = await one.build(DOCKERFILE, { cacheTo: [{ ...gone, ignoreError: true }] });
    expect(ignored.events.filter(({ type }) => type === 'warning')).toEqual([
      expect.objectContaining({ code: 'CACHE_TARGET' }),
    ]);
  });
});
