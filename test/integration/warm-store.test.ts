import {
  appendFileSync,
  chmodSync,
  cpSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { type BuildOptions, build } from '../../src/build/build.ts';
import { openBuild } from '../../src/build/open-build.ts';
import { JettisonError } from '../../src/errors/error.ts';
import { emitTo } from '../../src/events/emit.ts';
import { digestOf, sha256 } from '../../src/image/digest.ts';
import { MEDIA, type RuntimeConfig } from '../../src/image/types.ts';
import type { Entry } from '../../src/layer/entry.ts';
import { contentDigest } from '../../src/layer/layer-index.ts';
import { imageConfig } from '../../src/solve/image-config.ts';
import { pruneStore } from '../../src/store/prune.ts';
import { removeTree } from '../../src/store/remove-tree.ts';
import { openStore } from '../../src/store/store.ts';
import { makeImage, makeTar } from '../support/images.ts';
import { makeBaseImage, whyNoSandbox } from '../support/sandbox.ts';
import { SEED } from '../support/seed.ts';
import { tempDir } from '../support/temp-dir.ts';
import { IS_THOROUGH } from '../support/thorough.ts';

const NIGHTLY = Number(process.env['JETTISON_FUZZ_RUNS'] ?? 0) > 0;
const RUNS = Number(process.env['JETTISON_WARM_RUNS'] ?? (NIGHTLY ? 5000 : IS_THOROUGH ? 40 : 10));
/** Everything has this time, since keys are blind to times, as Docker's are. */
const TIME = 1_000_000_000;
const whyNoRun = whyNoSandbox();

type Members = [Partial<Entry>, string?][];
const dir = (path: string, mode = 0o755, id = 0): Members[number] => [
  { path, type: 'directory', mode, uid: id, gid: id, mtime: TIME },
];
const link = (path: string, target: string): Members[number] => [
  { path, type: 'symlink', mode: 0o777, link: target, mtime: TIME },
];
const file = (path: string, content: string, id = 0): Members[number] => [
  { path, uid: id, gid: id, mtime: TIME },
  content,
];
const accounts = (uid: number) => [
  dir('etc'),
  file('etc/passwd', `root:x:0:0::/:/bin/sh\nu:x:${uid}:${uid}::/:/bin/sh\n`),
  file('etc/group', `root:x:0:\nu:x:${uid + 1}:\n`),
];

/** Few names, so that what one image has as a file is a directory or link in another. */
const BASES: Record<string, { members: Members; config?: RuntimeConfig }> = {
  dirs: { members: [dir('a', 0o700, 7), dir('a/b', 0o711, 8), dir('b'), ...accounts(3)] },
  links: { members: [link('a', '/b'), dir('b', 0o1777, 9), link('b/a', '../c'), ...accounts(5)] },
  files: { members: [file('a', 'a', 4), dir('c'), file('c/b', 'cb'), link('b', 'nowhere'), ...accounts(3)] },
  bare: { members: [file('c', 'c'), ...accounts(7)], config: { User: '7:9', WorkingDir: '/a' } },
};

/** Written into the context as they are. */
const ARCHIVES: Record<string, Members> = {
  'one.tar': [dir('a', 0o705, 3), file('a/a', '1'), file('b', 'b', 2)],
  'two.tar': [link('a', 'b'), dir('b/a'), file('b/a/c', 'c')],
  'three.tar': [file('a', 'file'), file('c/a/b', 'deep', 6)],
};

const path = fc.constantFrom(
  '/',
  '/a',
  '/a/',
  '/b',
  '/a/b',
  '/a/b/',
  '/b/a',
  '/c/a',
  '/a/b/c',
  '/c',
  '/b/../c/b',
);
const source = fc.constantFrom('a', 'd', 'e', 'd/a', 'd a', 'a e', '.', 'd/b*', 'a b');
const owner = fc.constantFrom('', '', '', '--chown=7:7 ', '--chown=u ', '--chown=u:u ', '--chown=0 ');
const mode = fc.constantFrom('', '', '', '--chmod=700 ', '--chmod=u=rwX,go= ');
const flags = fc.constantFrom('', '', '', '--link ', '--parents ', '--exclude=a ', '--exclude=b ');
/** What can be copied of bases, and may be there in stages. */
const ofBases = fc.constantFrom<[string, string]>(
  ...(['/a', '/a/b', '/b', '/'].map((at) => ['dirs', at]) as [string, string][]),
  ...(['/a', '/b', '/b/.'].map((at) => ['links', at]) as [string, string][]),
  ...(['/a', '/c', '/c/b', '/'].map((at) => ['files', at]) as [string, string][]),
  ['bare', '/c'],
);
const ofStage = (stage: string) =>
  fc.constantFrom('/', '/', '/', '/a', '/b').map((at): [string, string] => [stage, at]);
const instruction = (earlier: string[]) =>
  fc.oneof(
    { weight: 3, arbitrary: path.map((at) => `WORKDIR ${at}`) },
    { weight: 1, arbitrary: fc.constantFrom('USER u', 'USER 7', 'USER 7:u', 'USER 0') },
    {
      weight: 4,
      arbitrary: fc
        .tuple(flags, owner, mode, source, path)
        .map(
          ([flag, own, bits, from, to]) =>
            `COPY ${flag}${own}${bits}${from} ${from.includes(' ') || from.includes('*') ? `${to}/` : to}`,
        ),
    },
    {
      weight: 3,
      arbitrary: fc
        .tuple(fc.oneof(ofBases, ...earlier.map(ofStage)), flags, owner, path)
        .map(([[stage, from], flag, own, to]) => `COPY --from=${stage} ${flag}${own}${from} ${to}`),
    },
    {
      weight: 3,
      arbitrary: fc
        .tuple(owner, fc.subarray(Object.keys(ARCHIVES), { minLength: 1 }), path)
        .map(([own, names, to]) => `ADD ${own}${names.join(' ')} ${to}${names.length > 1 ? '/' : ''}`),
    },
    { weight: 1, arbitrary: path.map((to) => `COPY <<a ${to}\ntext\na`) },
  );
const commands = fc.constantFrom(
  'RUN rm -rf /a && mkdir -m 700 /a && chown 7:7 /a',
  'RUN rm -rf /b && ln -s /a /b',
  'RUN rm -rf /a/b /c || true',
  'RUN mkdir -p /c/a /a; echo x >/a/x; chmod 600 /a/x || true',
  "RUN find /a /b /c 2>/dev/null | sort | xargs stat -c '%n %F %a %u %g' >/seen; true",
  'RUN --mount=type=bind,from=dirs,target=/mnt find /mnt/a | sort >/seen',
  'RUN --mount=type=bind,source=d,target=/mnt find /mnt | sort >/seen; pwd >>/seen',
);
const stages = (bases: string[], more?: typeof commands) =>
  fc
    .array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 3 })
    .chain((shape) =>
      fc.tuple(
        ...shape.map((_, i) => {
          const earlier = shape.slice(0, i).map((_one, at) => `s${at}`);
          const step = more === undefined ? instruction(earlier) : fc.oneof(instruction(earlier), more);
          return fc
            .tuple(
              fc.constantFrom(...bases, ...earlier, ...earlier),
              fc.array(step, { minLength: 1, maxLength: 4 }),
            )
            .map(([base, steps]) => [`FROM ${base} AS s${i}`, ...steps].join('\n'));
        }),
      ),
    )
    .map((texts) => `${texts.join('\n')}\n`);

let folder: string;
let context: string;
/** A store that holds the base images and archives, unpacked, and nothing else. */
let empty: string;

beforeAll(async () => {
  folder = tempDir();
  context = join(folder, 'context');
  empty = join(folder, 'empty');
  mkdirSync(join(context, 'd/b'), { recursive: true });
  mkdirSync(join(context, 'e'));
  writeFileSync(join(context, 'a'), 'a');
  writeFileSync(join(context, 'b'), 'b', { mode: 0o755 });
  writeFileSync(join(context, 'd/a'), 'da', { mode: 0o600 });
  writeFileSync(join(context, 'd/b/c'), 'dbc');
  symlinkSync('/b', join(context, 'e/a'));
  symlinkSync('a', join(context, 'e/b'));
  chmodSync(join(context, 'd'), 0o711);
  for (const [name, members] of Object.entries(ARCHIVES))
    writeFileSync(join(context, name), makeTar(members));
  setTimes(context);
  const store = openStore({ home: empty });
  for (const [name, { members, config = {} }] of Object.entries(BASES)) {
    const tar = makeTar(members);
    const blob = { mediaType: MEDIA.ociLayerGzip, ...store.blobs.write(gzipSync(tar)) };
    await makeImage(store, { name, layers: [{ diffId: sha256(tar), blob }], config: { config } });
  }
  if (whyNoRun === undefined) await makeBaseImage({ home: empty, store, remove: () => {} }, 'busybox');
  const copies = Object.keys(BASES).map((base, i) => `COPY --from=${base} / /${i}/\n`);
  const archives = Object.keys(ARCHIVES).map((name) => `ADD ${name} /${name}/\n`);
  await solved(empty, `FROM scratch\n${copies.join('')}${archives.join('')}`, { isolation: 'none' });
  store.close();
  for (const made of ['steps', 'selections', 'contexts']) {
    for (const name of readdirSync(join(empty, made))) rmSync(join(empty, made, name));
  }
  for (const id of readdirSync(join(empty, 'layers'))) {
    const { kind } = JSON.parse(readFileSync(join(empty, 'layers', id, 'layer.json'), 'utf8'));
    if (kind === 'copy') rmSync(join(empty, 'layers', id), { recursive: true });
  }
});

function setTimes(at: string): void {
  for (const entry of readdirSync(at, { withFileTypes: true })) {
    if (entry.isDirectory()) setTimes(join(at, entry.name));
    lutimesSync(join(at, entry.name), TIME, TIME);
  }
  lutimesSync(at, TIME, TIME);
}

let stores = 0;
function newStore(): string {
  const home = join(folder, `store-${stores++}`);
  cpSync(empty, home, { recursive: true });
  return home;
}

const optionsFor = (home: string, dockerfile: string, options: Partial<BuildOptions>): BuildOptions => ({
  context,
  file: '-',
  stdin: (async function* () {
    yield dockerfile;
  })(),
  home,
  env: { PATH: process.env['PATH'], SOURCE_DATE_EPOCH: String(TIME) },
  reproducible: true,
  network: 'host',
  ...options,
});

/** What a plan comes to in a store, or that it fails: of several reasons the first one is a matter of time. */
type Outcome = (home: string, dockerfile: string, options: Partial<BuildOptions>) => Promise<string>;

/** The digest of the image, which covers every byte. */
const packed: Outcome = async (home, dockerfile, options) => {
  try {
    return (await build(optionsFor(home, dockerfile, options))).digest!;
  } catch (error) {
    return failure(error);
  }
};

/**
 * The same without packing anything, which mostly starts no process: a digest of the config and of the layers' entries,
 * without the times that commands leave.
 */
const solved: Outcome = async (home, dockerfile, options) => {
  try {
    const cancel = new AbortController();
    const opened = await openBuild(
      optionsFor(home, dockerfile, options),
      emitTo(() => {}),
      cancel,
    );
    try {
      const layers = await opened.session.wait(opened.solvers[0]!.solve());
      const config = imageConfig(opened.plans[0]!.plan.target, layers, new Date(TIME * 1000).toISOString());
      const indexes = await Promise.all(layers.map((layer) => layer.index()));
      const digests = indexes.map((index) =>
        options.isolation === 'none' ? sha256(index.bytes) : contentDigest(index.entries()),
      );
      return digestOf({ layers: digests, config });
    } finally {
      await opened.session.close();
    }
  } catch (error) {
    return failure(error);
  }
};

const REASONS = [
  'COPY_CONFLICT',
  'COPY_SOURCE_MISSING',
  'OWNER_UNKNOWN',
  'USER_UNKNOWN',
  'SYMLINK_LOOP',
  'RUN_CWD',
  'RUN_FAILED',
];
function failure(error: unknown): string {
  if (!(error instanceof JettisonError) || !REASONS.includes(error.code)) throw error;
  return 'fails';
}

/** Drops a part of what a store has: whatever was used longest ago, or all that no image needs. */
async function prune(home: string, part: number): Promise<void> {
  const store = openStore({ home });
  const measure = async (folders: string[]) => folders.map(() => 1000);
  const remove = async (paths: string[]) => {
    for (const one of paths) removeTree(one);
  };
  const filter = [
    { images: 'none', unusedForMs: 0 },
    { images: 'all', unusedForMs: 2000 },
    { images: 'nameless', unusedForMs: 1 << 30, keepBytes: 10_000 },
  ] as const;
  // The bases have names.
  const { images, ...rest } = filter[part % filter.length]!;
  await pruneStore(store, { images: images === 'all' ? 'nameless' : images, ...rest, measure, remove });
  store.close();
}

/** Builds random plans into one store after another, and compares with what an empty store gives. */
async function check(
  plans: fc.Arbitrary<string>,
  runs: number,
  { whole, ...options }: Partial<BuildOptions> & { whole: number },
): Promise<void> {
  const warm = newStore();
  const other = newStore();
  const wrong: string[] = [];
  let images = 0;
  // Of few plans each may fail: more are drawn then, so that some images are looked at.
  for (const [round, dockerfile] of fc.sample(plans, { numRuns: 10 * runs, seed: SEED }).entries()) {
    if (round >= runs && images > runs / 4) break;
    const outcome = round % whole === 0 ? packed : solved;
    const cache = join(folder, 'cache');
    const cold = newStore();
    const fresh = newStore();
    try {
      const wanted = await outcome(cold, dockerfile, options);
      if (wanted !== 'fails') images++;
      const differs = async (how: string, home: string, more: Partial<BuildOptions> = {}) => {
        const got = await outcome(home, dockerfile, { ...options, ...more });
        if (got !== wanted)
          wrong.push(tell(`seed ${SEED}, round ${round}, ${how}: ${got}, not ${wanted}`, dockerfile));
      };
      if (outcome === packed && round % (2 * whole) === 0 && wanted !== 'fails') {
        const cacheFrom = [{ type: 'local', path: cache } as const];
        await differs('from a warm store', warm, { cacheTo: [{ type: 'local', path: cache, mode: 'max' }] });
        await differs('through a shared cache', fresh, { cacheFrom });
        await differs('with both', other, { cacheFrom });
      } else {
        await differs('from a warm store', warm);
        if (round % 4 === 1) await differs('from another warm store', other);
        if (round % 12 === 2) await differs('without the cache', warm, { noCache: true });
        if (round % 12 === 6) await differs('with a stage made anew', warm, { noCacheFilter: ['s0'] });
        if (round % 12 === 10) await differs('from what it has just made', cold);
      }
      if (round % 15 === 0) await prune(round % 2 ? warm : other, round / 15);
      if (round % 100 === 99)
        tell(`seed ${SEED}: ${round + 1} plans, ${images} images, ${wrong.length} wrong`);
    } catch (error) {
      throw new Error(tell(`seed ${SEED}, round ${round}`, dockerfile, String((error as Error).stack)), {
        cause: error,
      });
    } finally {
      for (const gone of [cold, fresh, cache]) removeTree(gone);
    }
  }
  expect(wrong).toEqual([]);
  expect(images).toBeGreaterThan(runs / 4);
}

/** Says it at once where a long run is watched. */
function tell(...lines: string[]): string {
  const text = `${lines.join('\n')}\n`;
  const log = process.env['JETTISON_WARM_LOG'];
  if (log !== undefined) appendFileSync(log, text);
  return text;
}

describe('an image does not depend on what was built before', () => {
  test('made of copies, archives and working directories', async () => {
    const plans = stages(['scratch', 'scratch', ...Object.keys(BASES)]);
    await check(plans, RUNS, { isolation: 'none', whole: 10 });
  }, 3_600_000);

  test('made by commands, too', async (ctx) => {
    if (whyNoRun !== undefined) ctx.skip(whyNoRun);
    await check(stages(['busybox'], commands), Math.ceil(RUNS / 20), { whole: 2 });
  }, 3_600_000);
});
