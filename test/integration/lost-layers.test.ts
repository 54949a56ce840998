import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CacheSource, CacheTarget } from '../../src/cache/backends.ts';
import { verifyStore } from '../../src/store/verify.ts';
import { type Built, TestBuilds } from '../support/build.ts';
import { FakeRegistry, type Seen } from '../support/registry.ts';
import { whyNoSandbox } from '../support/sandbox.ts';
import { IS_THOROUGH, sample } from '../support/thorough.ts';

// Each run of a command leaves another file: what fits together can be told from what does not.
const DOCKERFILE = `FROM base AS tools
RUN cat /proc/sys/kernel/random/uuid >/tool && echo made tool
FROM base AS build
WORKDIR /src
COPY a b ./
RUN cat a b /proc/sys/kernel/random/uuid >all && echo made all
RUN cp all copy && echo made copy
FROM base
COPY --from=tools /tool /tools/
COPY --from=build /src/copy /src/all /
RUN cat /all >/last && echo made last
`;

/**
 * How a registry that has lost a blob answers for it. The last two are tried again for a while before they count,
 * and so are waited for in thorough runs only.
 */
type Loss = 'missing' | 'another' | 'truncated' | 'unreachable';
const LOSSES = ['missing', 'another'] as const;
const ALL_LOSSES: readonly Loss[] = IS_THOROUGH ? [...LOSSES, 'truncated', 'unreachable'] : LOSSES;

describe('a registry that has lost a layer of a cache', () => {
  let registry: FakeRegistry;
  let builds: TestBuilds[];
  let first: Built;
  let one: TestBuilds;
  /** What the registry has before anything is lost. */
  let whole: Map<string, Buffer>;
  /** Digests of blobs that are lost, and how. */
  let lost: Map<string, Loss>;

  const machine = async () => {
    const made = await TestBuilds.create({}, { network: 'host' });
    builds.push(made);
    made.write({ a: 'a\n', b: 'b\n' });
    return made;
  };
  const name = () => `${registry.host}/app:cache`;
  const from = (): CacheSource => ({ type: 'registry', ref: name() });
  const to = (): CacheTarget => ({ type: 'registry', ref: name(), mode: 'max' });

  const why = whyNoSandbox();
  beforeAll(async () => {
    if (why !== undefined) return;
    builds = [];
    const fault = ({ method, path }: Seen) => {
      const loss = lost.get(/\/blobs\/(sha256:[0-9a-f]{64})$/.exec(path)?.[1] ?? '');
      // What is truncated is shorter in the registry.
      if (method !== 'GET' || loss === undefined || loss === 'truncated') return undefined;
      if (loss === 'another') return { kind: 'corrupt' } as const;
      return loss === 'unreachable'
        ? ({ kind: 'reset' } as const)
        : ({ kind: 'status', status: 404 } as const);
    };
    registry = await FakeRegistry.start({ fault });
    one = await machine();
    builds = [];
    lost = new Map();
    first = await one.build(DOCKERFILE, { cacheTo: [to()] });
    expect(first.output.split('\n').sort().join(' ')).toBe(' made all made copy made last made tool');
    whole = new Map(registry.repository('app').blobs);
  });
  afterAll(async () => {
    await registry?.close();
    one?.remove();
  });
  beforeEach((ctx) => {
    if (why !== undefined) ctx.skip(why);
    lost = new Map();
    for (const [digest, bytes] of whole) registry.repository('app').blobs.set(digest, bytes);
  });
  afterEach(() => {
    for (const made of builds?.splice(0) ?? []) made.remove();
  });

  /** The packed form of the layer that a step has made. */
  const blobOf = (title: RegExp) => {
    const [, id] = Object.entries(first.layers).find(([step]) => title.test(step))!;
    return one.store.layers.blob(id)!.blob.digest;
  };
  const lose = (loss: Loss, ...titles: RegExp[]) => {
    const { blobs } = registry.repository('app');
    for (const digest of titles.map(blobOf)) {
      lost.set(digest, loss);
      if (loss === 'truncated') blobs.set(digest, blobs.get(digest)!.subarray(0, -9));
    }
  };
  const sorted = ({ output }: Built) =>
    output
      .split('\n')
      .filter((line) => line.startsWith('made'))
      .sort();
  const warnings = ({ events }: Built) =>
    events.flatMap((event) => (event.type === 'warning' ? [event.code] : []));

  /** A store in order, in which the same build is cached. */
  async function expectSound(two: TestBuilds, text: string) {
    expect((await verifyStore(two.store)).problems).toEqual([]);
    expect(two.temporaries()).toEqual([]);
    const again = await two.build(text);
    expect(again.output).toBe('');
  }

  /** All copies of what one command wrote are of the same run of it. */
  async function expectConsistent(two: TestBuilds, image: string) {
    const folder = join(two.folder, 'files');
    const { output } = await two.build(
      `FROM ${image}\nRUN cmp /all /copy && cmp /all /last && echo the same\n`,
      { outputs: [{ type: 'local', path: folder }] },
    );
    expect(output).toBe('the same\n');
    rmSync(folder, { recursive: true });
  }

  it.each(ALL_LOSSES)('%s: carries the step out again when a RUN needs its files', async (loss) => {
    const two = await machine();
    lose(loss, /^RUN cat \/all/);
    const text = `${DOCKERFILE}RUN cat /last >/dev/null && echo made more\n`;
    const built = await two.build(text, { cacheFrom: [from()], tags: ['app'] });
    expect(sorted(built)).toEqual(['made last', 'made more']);
    expect(built.outcomes['RUN cat /all >/last && echo made last']).toBe('done');
    expect(warnings(built)).toEqual(['CACHE_LAYER_LOST']);
    await expectSound(two, text);
    await expectConsistent(two, 'app');
  });

  it.each(sample(LOSSES, 1))('%s: runs the steps above a lost layer again', async (loss) => {
    const two = await machine();
    // The layer above it is there, but is of another run of the command below it.
    lose(loss, /^RUN cat a b/);
    const text = DOCKERFILE.replace('echo made last', 'echo made last otherwise');
    const built = await two.build(`${text}COPY --from=build /src/all /more\n`, {
      cacheFrom: [from()],
      tags: ['app'],
    });
    expect(sorted(built)).toContain('made all');
    expect(sorted(built)).toContain('made copy');
    expect(sorted(built)).not.toContain('made tool');
    await expectSound(two, `${text}COPY --from=build /src/all /more\n`);
    await expectConsistent(two, 'app');
  });

  it.each(sample(LOSSES, 1))('%s: makes every layer below again that is lost, too', async (loss) => {
    const two = await machine();
    lose(loss, /^WORKDIR/, /^COPY a b/, /^RUN cat a b/, /^RUN cp/, /^COPY --from=build/);
    const text = DOCKERFILE.replace('cp all copy', 'cp all copy && cmp all copy');
    const built = await two.build(text, { cacheFrom: [from()], tags: ['app'] });
    expect(sorted(built)).toEqual(['made all', 'made copy', 'made last']);
    await expectSound(two, text);
    await expectConsistent(two, 'app');
  });

  it.each(sample(LOSSES, 1))('%s: carries the step out again when the image is pushed', async (loss) => {
    const two = await machine();
    lose(loss, /^RUN cat \/all/);
    const other = await FakeRegistry.start();
    try {
      const tags = [`${other.host}/app:1`];
      const built = await two.build(DOCKERFILE, {
        cacheFrom: [from()],
        tags,
        outputs: [{ type: 'image', push: true }],
      });
      expect(sorted(built)).toEqual(['made last']);
      for (const digest of built.blobs) expect(other.repository('app').blobs.has(digest)).toBe(true);
      await expectConsistent(two, tags[0]!);
    } finally {
      await other.close();
    }
  });

  it.each(['archive', 'local', 'tar'] as const)('for an output of type %s', async (type) => {
    const two = await machine();
    lose('missing', /^RUN cat \/all/, /^COPY --from=tools/);
    const path = join(two.folder, 'output');
    const built = await two.build(DOCKERFILE, {
      cacheFrom: [from()],
      outputs: [
        type === 'local'
          ? { type, path }
          : type === 'tar'
            ? { type, to: { path } }
            : { type, format: 'oci-archive', to: { path } },
      ],
    });
    expect(sorted(built)).toEqual(['made last']);
  });

  it.each(sample(LOSSES, 1))('%s: carries the step out again when COPY --from needs it', async (loss) => {
    const two = await machine();
    lose(loss, /^RUN cat \/proc/);
    const text = `${DOCKERFILE}COPY --from=tools /tool /again\nRUN cmp /tools/tool /again && echo made sure\n`;
    const built = await two.build(text, { cacheFrom: [from()], tags: ['app'] });
    expect(sorted(built)).toContain('made tool');
    expect(sorted(built)).toContain('made sure');
    expect(sorted(built)).not.toContain('made all');
    await expectSound(two, text);
  });

  it('carries the step out again when another cache is to have it', async () => {
    const two = await machine();
    lose('missing', /^RUN cat \/proc/);
    const folder = join(two.folder, 'cache');
    const built = await two.build(DOCKERFILE, {
      cacheFrom: [from()],
      cacheTo: [{ type: 'local', path: folder, mode: 'max' }],
    });
    expect(sorted(built)).toContain('made tool');
    const three = await machine();
    const again = await three.build(`${DOCKERFILE}RUN cat /tools/tool\n`, {
      cacheFrom: [{ type: 'local', path: folder }],
    });
    expect(sorted(again)).toEqual([]);
  });

  it('takes the layer of the next cache that has the step', async () => {
    const [two, three] = [await machine(), await machine()];
    const folder = join(two.folder, 'cache');
    await two.build(DOCKERFILE, { cacheTo: [{ type: 'local', path: folder, mode: 'max' }] });
    lose('missing', /^RUN cat \/all/);
    const text = `${DOCKERFILE}RUN cmp /all /last && echo made sure\n`;
    const built = await three.build(text, { cacheFrom: [from(), { type: 'local', path: folder }] });
    expect(sorted(built)).not.toContain('made tool');
    expect(sorted(built)).toContain('made sure');
  });

  it('carries the step out again when only the list of its files is lost', async () => {
    const two = await machine();
    const { blobs, manifests } = registry.repository('app');
    const known = new Set<string>(
      one.store.layers.ids().flatMap((id) => one.store.layers.blob(id)?.blob.digest ?? []),
    );
    for (const { bytes } of manifests.values()) known.add(JSON.parse(bytes.toString()).config.digest);
    for (const digest of blobs.keys()) if (!known.has(digest)) lost.set(digest, 'missing');
    expect(lost.size).toBeGreaterThan(0);
    const text = `${DOCKERFILE}COPY --from=tools /tool /again\n`;
    const built = await two.build(text, { cacheFrom: [from()], tags: ['app'] });
    expect(sorted(built)).toContain('made tool');
    await expectSound(two, text);
    await expectConsistent(two, 'app');
  });

  it('carries steps out again on a base that has been another one, and is the first again', async () => {
    const two = await machine();
    lose('missing', /^COPY a b/, /^RUN cat a b/, /^RUN cp/, /^RUN cat \/all/);
    for (const config of [{ Env: ['VERSION=2'] }, {}]) {
      await two.addBase('base', config);
      const built = await two.build(DOCKERFILE, {
        cacheFrom: [from()],
        tags: ['app'],
        outputs: [{ type: 'image' }, { type: 'tar', to: { path: join(two.folder, 'files.tar') } }],
      });
      expect(sorted(built).length).toBeGreaterThan(0);
      await expectSound(two, DOCKERFILE);
      await expectConsistent(two, 'app');
    }
  });
});
