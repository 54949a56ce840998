import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CacheSource, CacheTarget } from '../../src/cache/backends.ts';
import { type CacheConfig, readCache } from '../../src/cache/cache-manifest.ts';
import type { Manifest } from '../../src/image/types.ts';
import { listCaches } from '../../src/store/cache-mounts.ts';
import { verifyStore } from '../../src/store/verify.ts';
import { type Built, TestBuilds } from '../support/build.ts';
import { FakeRegistry } from '../support/registry.ts';
import { whyNoSandbox } from '../support/sandbox.ts';
import { sample } from '../support/thorough.ts';

/** Something that uses a cache: shows what it finds, and then adds a file. */
const using = (file: string, mount = 'id=c,target=/c') =>
  `FROM base\nRUN --mount=type=cache,${mount} ls /c && echo ${file} > /c/${file}\n`;

describe('cache mounts in a cache that machines share', () => {
  let registry: FakeRegistry;
  const machines: TestBuilds[] = [];
  let why: string | undefined;

  const machine = async () => {
    const builds = await TestBuilds.create({}, { network: 'host' });
    machines.push(builds);
    return builds;
  };
  beforeEach(async (ctx) => {
    why ??= whyNoSandbox();
    if (why !== undefined) ctx.skip(why);
    registry = await FakeRegistry.start();
    seen = 0;
  });
  afterEach(async () => {
    await registry?.close();
    for (const builds of machines.splice(0)) builds.remove();
  });

  const places = (kind: string, folder: string): { from: CacheSource; to: CacheTarget } => {
    const location =
      kind === 'local'
        ? ({ type: 'local', path: folder } as const)
        : ({ type: 'registry', ref: `${registry.host}/app:cache` } as const);
    return { from: location, to: { ...location, cacheMounts: true } };
  };
  const inRegistry = () => places('registry', '');

  /** What the registry holds under the name of the cache. */
  const cacheOf = (name = 'app', tag = 'cache'): Required<CacheConfig> => {
    const repository = registry.repository(name);
    const manifest = JSON.parse(
      repository.manifests.get(repository.tags.get(tag)!)!.bytes.toString(),
    ) as Manifest;
    const config = JSON.parse(repository.blobs.get(manifest.config.digest)!.toString()) as unknown;
    return readCache({ manifest, config })!;
  };
  /** Requests since the last call that read or store a blob, by its digest. */
  let seen = 0;
  const traffic = (digest: string) => {
    const lines = registry.lines.slice(seen);
    seen = registry.lines.length;
    return {
      read: lines.filter((line) => line.startsWith('GET') && line.includes(`/blobs/${digest}`)).length,
      stored: lines.filter((line) => line.startsWith('PUT') && line.includes(encodeURIComponent(digest)))
        .length,
    };
  };
  const warnings = ({ events }: Built) => events.filter(({ type }) => type === 'warning');

  it.each(sample(['registry', 'local'], 1))(
    'type %s: a command finds the files that other machines left',
    async (kind) => {
      const [one, two] = [await machine(), await machine()];
      const { from, to } = places(kind, join(one.folder, 'cache'));
      await one.build(using('first'), { cacheTo: [to] });
      expect(readdirSync(one.store.layout.blobs).length).toBeGreaterThan(0);
      const known = await two.build(using('first'), { cacheFrom: [from] });
      expect([known.output, listCaches(two.store.layout)]).toEqual(['', []]);
      const next = await two.build(using('second'), { cacheFrom: [from] });
      expect([next.output, warnings(next)]).toEqual(['first\n', []]);
      expect((await two.build(using('third'))).output).toBe('first\nsecond\n');
      for (const { store } of [one, two]) expect((await verifyStore(store)).problems).toEqual([]);
    },
  );

  it('fetches an archive only for a command that runs, and keeps none', async () => {
    const [one, two] = [await machine(), await machine()];
    const { from, to } = inRegistry();
    await one.build(using('first'), { cacheTo: [to] });
    const { archive } = cacheOf().mounts[0]!;
    expect(traffic(archive.digest)).toEqual({ read: 0, stored: 1 });
    expect(one.store.blobs.has(archive.digest)).toBe(false);
    await two.build(using('first'), { cacheFrom: [from] });
    expect(traffic(archive.digest).read).toBe(0);
    await two.build(using('second'), { cacheFrom: [from] });
    expect(traffic(archive.digest).read).toBe(1);
    expect(two.store.blobs.has(archive.digest)).toBe(false);
    await two.build(using('third'), { cacheFrom: [from] });
    expect(traffic(archive.digest).read).toBe(0);
  });

  it('uploads changed caches only, also when the command runs again on other machines', async () => {
    const [one, two] = [await machine(), await machine()];
    const { from, to } = inRegistry();
    const noisy = (n: number) =>
      `FROM base\nRUN --mount=type=cache,id=c,target=/c : ${n}; test -e /c/d/f || { mkdir /c/d; echo x > /c/d/f; }; ` +
      'touch /c/d/tmp && rm /c/d/tmp\n';
    await one.build(noisy(1), { cacheTo: [to] });
    const { archive } = cacheOf().mounts[0]!;
    expect(traffic(archive.digest).stored).toBe(1);
    const more = [
      await one.build(noisy(1), { cacheTo: [to] }),
      await one.build(noisy(2), { cacheTo: [to] }),
      await two.build(noisy(3), { cacheFrom: [from], cacheTo: [to] }),
    ];
    // It is not even compressed again.
    for (const { events } of more) {
      const exported = events.filter(
        (event) => event.type === 'export.started' && event.import === undefined,
      );
      expect(exported).not.toContainEqual(expect.objectContaining({ what: 'cache mount c' }));
    }
    expect(traffic(archive.digest)).toEqual({ read: 1, stored: 0 });
    expect(cacheOf().mounts).toEqual([{ cache: expect.objectContaining({ id: 'c' }), archive }]);
    await two.build(using('new'), { cacheTo: [to] });
    expect(cacheOf().mounts[0]!.archive.digest).not.toBe(archive.digest);
  });

  it('never touches a cache mount that holds something; fills an empty one', async () => {
    const [one, two, three] = [await machine(), await machine(), await machine()];
    const { from, to } = inRegistry();
    await one.build(using('theirs'), { cacheTo: [to] });
    await two.build(using('mine'));
    expect((await two.build(using('next'), { cacheFrom: [from] })).output).toBe('mine\n');
    await three.build('FROM base\nRUN --mount=type=cache,id=c,target=/c ls /c\n');
    expect((await three.build(using('next'), { cacheFrom: [from] })).output).toBe('theirs\n');
  });

  it('keeps unused caches in the manifest, without transferring them within a registry', async () => {
    const [one, two, three] = [await machine(), await machine(), await machine()];
    const { from, to } = inRegistry();
    await one.build(using('first'), { cacheTo: [to] });
    const { archive } = cacheOf().mounts[0]!;
    traffic(archive.digest);
    const other = { type: 'registry', ref: `${registry.host}/other:cache`, cacheMounts: true } as const;
    const folder = join(two.folder, 'cache');
    await two.build(using('first'), { cacheFrom: [from], cacheTo: [to, other] });
    expect(traffic(archive.digest)).toEqual({ read: 0, stored: 0 });
    expect(cacheOf().mounts).toEqual(cacheOf('other').mounts);
    await two.build(using('first'), {
      cacheFrom: [from],
      cacheTo: [{ type: 'local', path: folder, cacheMounts: true }],
    });
    expect(two.store.blobs.has(archive.digest)).toBe(false);
    const third = await three.build(using('second'), { cacheFrom: [{ type: 'local', path: folder }] });
    expect(third.output).toBe('first\n');
  });

  it('takes modes, owners, links and attributes along', async () => {
    const [one, two] = [await machine(), await machine()];
    const { from, to } = inRegistry();
    const mount = 'id=c,target=/c,uid=1000,gid=1001,mode=0750';
    const make =
      'mkdir -p /c/d && echo x > /c/d/f && ln /c/d/f /c/hard && ln -s d/f /c/soft && cp /bin/busybox /c/su && ' +
      'chown 1000:5 /c/d && chmod 2710 /c/d && chmod 4755 /c/su && mkfifo /c/pipe && touch -d "2001-02-03 04:05:06" /c/d/f';
    const show =
      'cd /c && stat -c "%n %a %u:%g %F %h" . d d/f hard soft pipe su && stat -c %Y d/f && readlink soft';
    const run = (command: string) => `FROM base\nRUN --mount=type=cache,${mount} ${command}\n`;
    await one.build(run(make), { cacheTo: [to] });
    const [here, there] = [await one.build(run(show)), await two.build(run(show), { cacheFrom: [from] })];
    expect(there.output).toContain('. 750 1000:1001 directory');
    // A directory's number of links is the file system's affair.
    expect(there.output.replaceAll(/directory \d+/g, '')).toBe(here.output.replaceAll(/directory \d+/g, ''));
  });

  it('distinguishes caches by id, owner, mode and seed', async () => {
    const [one, two] = [await machine(), await machine()];
    const { from, to } = inRegistry();
    const text = (n: number) =>
      [
        'FROM base AS seed',
        'RUN mkdir /s && echo seeded > /s/f',
        'FROM base',
        `RUN --mount=type=cache,id=c,target=/c,sharing=locked : ${n}; ls /c; touch /c/plain`,
        `RUN --mount=type=cache,id=c,target=/c,uid=7,sharing=private : ${n}; ls /c; touch /c/uid`,
        `RUN --mount=type=cache,id=c,target=/c,from=seed,source=/s : ${n}; ls /c; touch /c/more`,
      ].join('\n');
    await one.build(text(1), { cacheTo: [to] });
    expect(cacheOf().mounts).toHaveLength(3);
    expect((await two.build(text(2), { cacheFrom: [from] })).output).toBe('plain\nuid\nf\nmore\n');
  });

  it('is asked for on both sides', async () => {
    const [one, two] = [await machine(), await machine()];
    const { from, to } = inRegistry();
    await one.build(using('first'), { cacheTo: [{ ...to, cacheMounts: false } as CacheTarget] });
    expect(cacheOf().mounts).toEqual([]);
    await one.build(using('first'), { cacheTo: [to] });
    expect(cacheOf().mounts).toHaveLength(1);
    const without = { ...from, cacheMounts: false };
    expect((await two.build(using('second'), { cacheFrom: [without] })).output).toBe('');
  });

  it('goes on with an empty cache mount when the archive is damaged or another one', async () => {
    const [one, two, three] = [await machine(), await machine(), await machine()];
    const folder = join(one.folder, 'cache');
    const { from, to } = places('local', folder);
    await one.build(using('first'), { cacheTo: [to] });
    const blobs = join(folder, 'blobs', 'sha256');
    // Layers, their indexes and the archive: which is which does not matter.
    const archives = readdirSync(blobs)
      .map((name) => join(blobs, name))
      .filter((path) => readFileSync(path).subarray(0, 2).toString('hex') === '1f8b');
    for (const path of archives) {
      const bytes = readFileSync(path);
      bytes[bytes.length >> 1]! ^= 1;
      writeFileSync(path, bytes);
    }
    const damaged = await two.build(using('second'), { cacheFrom: [from] });
    expect(damaged.output).toBe('');
    expect(warnings(damaged)).toEqual([expect.objectContaining({ code: 'CACHE_MOUNT' })]);
    for (const path of archives) rmSync(path);
    const missing = await three.build(using('second'), { cacheFrom: [from] });
    expect([missing.output, warnings(missing)]).toEqual(['', []]);
    expect((await verifyStore(three.store)).problems).toEqual([]);
  });

  it('shares no cache mount in which a command left a secret, but one in which a secret was mounted', async () => {
    const one = await machine();
    const { to } = inRegistry();
    const secrets = { token: { value: 'correct-horse-battery\n' } };
    const leaking =
      'FROM base\nRUN --mount=type=cache,id=c,target=/c --mount=type=secret,id=token ' +
      'dd if=/dev/zero of=/c/big bs=1024 count=1024 2>&1 && cat /run/secrets/token >> /c/big\n' +
      'RUN --mount=type=cache,id=clean,target=/c touch /c/x\n';
    const built = await one.build(leaking, { secrets, cacheTo: [to] });
    expect(warnings(built)).toEqual([
      expect.objectContaining({ code: 'SECRET_IN_CACHE', message: expect.stringContaining('"token"') }),
    ]);
    expect(cacheOf().mounts.map(({ cache }) => cache.id)).toEqual(['clean']);
    const inside =
      'FROM base\nRUN --mount=type=cache,id=inside,target=/c --mount=type=secret,id=token,target=/c/token ' +
      'grep -q correct /c/token\n';
    const mounted = await one.build(inside, { secrets, cacheTo: [to] });
    // What was packed has been searched for the secret.
    expect(warnings(mounted)).toEqual([]);
    expect(cacheOf().mounts.map(({ cache }) => cache.id)).toContain('inside');
  });

  it('packs a cache mount only while no command of another build has it', async () => {
    const [one, two] = [await machine(), await machine()];
    const { from, to } = inRegistry();
    await one.build(using('whole'));
    const slow =
      'FROM base\nRUN --mount=type=cache,id=c,target=/c touch /c/half && echo in && sleep 1 && rm /c/half\n';
    let building: Promise<unknown> | undefined;
    await new Promise<void>((resolve) => {
      building = one.build(slow, { onEvent: (event) => event.type === 'step.output' && resolve() });
    });
    await one.build(using('whole'), { cacheTo: [to] });
    await building;
    expect((await two.build(using('next'), { cacheFrom: [from] })).output).toBe('whole\n');
  });

  it('is filled once when two builds need it at the same time', async () => {
    const [one, two] = [await machine(), await machine()];
    const { from, to } = inRegistry();
    await one.build(using('first'), { cacheTo: [to] });
    const { archive } = cacheOf().mounts[0]!;
    const texts = ['a', 'b'].map(
      (name) => `FROM base\nRUN --mount=type=cache,id=c,target=/c cat /c/first && : ${name}\n`,
    );
    const built = await Promise.all(texts.map((text) => two.build(text, { cacheFrom: [from] })));
    expect(built.map(({ output }) => output)).toEqual(['first\n', 'first\n']);
    expect(built.flatMap(warnings)).toEqual([]);
    expect(traffic(archive.digest).read).toBe(1);
  });
});
