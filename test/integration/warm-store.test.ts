import {
  chmodSync,
  cpSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BuildOptions, build } from '../../src/build.ts';
import { JettisonError } from '../../src/errors/error.ts';
import { sha256 } from '../../src/image/digest.ts';
import { MEDIA, type RuntimeConfig } from '../../src/image/types.ts';
import type { Entry } from '../../src/layer/entry.ts';
import { pruneStore } from '../../src/store/prune.ts';
import { openStore } from '../../src/store/store.ts';
import { makeImage, makeTar } from '../support/images.ts';
import { makeBaseImage, whyNoSandbox } from '../support/sandbox.ts';

const NIGHTLY = Number(process.env['JETTISON_FUZZ_RUNS'] ?? 0) > 0;
const RUNS = Number(process.env['JETTISON_WARM_RUNS'] ?? (NIGHTLY ? 5000 : 60));
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
  'RUN rm -rf /a/b /c',
  'RUN mkdir -p /c/a /a; echo x >/a/x; chmod 600 /a/x',
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
/** A store that holds the base images and nothing else. */
let empty: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'jettison-warm-'));
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
  store.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

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

/** What a build came to: the digest of its image, which covers every byte, or its error. */
async function outcome(
  home: string,
  dockerfile: string,
  options: Partial<BuildOptions> = {},
): Promise<string> {
  try {
    const { digest } = await build({
      context,
      file: '-',
      stdin: (async function* () {
        yield dockerfile;
      })(),
      home,
      env: { PATH: process.env['PATH'], SOURCE_DATE_EPOCH: String(TIME) },
      reproducible: true,
      ...options,
    });
    return digest!;
  } catch (error) {
    if (!(error instanceof JettisonError)) throw error;
    return `${error.code}: ${error.message}`;
  }
}

/** Drops a part of what a store has: whatever was used longest ago, or all that no image needs. */
async function prune(home: string, part: number): Promise<void> {
  const store = openStore({ home });
  const measure = async (folders: string[]) => folders.map(() => 1000);
  const remove = async (paths: string[]) => {
    for (const one of paths) rmSync(one, { recursive: true, force: true });
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
  options: Partial<BuildOptions>,
): Promise<void> {
  const warm = newStore();
  const other = newStore();
  let round = 0;
  const failures = new Set<string>();
  await fc.assert(
    fc.asyncProperty(plans, async (dockerfile) => {
      round++;
      const cache = join(folder, `cache-${round}`);
      const cold = newStore();
      try {
        const wanted = await outcome(cold, dockerfile, options);
        failures.add(wanted.startsWith('sha256:') ? 'none' : wanted.split(':')[0]!);
        const shares = round % 4 === 0 && wanted.startsWith('sha256:');
        const cacheTo = shares ? [{ type: 'local', path: cache, mode: 'max' } as const] : [];
        expect(await outcome(warm, dockerfile, { ...options, cacheTo }), 'from a warm store').toBe(wanted);
        if (shares) {
          const cacheFrom = [{ type: 'local', path: cache } as const];
          const fresh = newStore();
          expect(await outcome(fresh, dockerfile, { ...options, cacheFrom }), 'through a shared cache').toBe(
            wanted,
          );
          rmSync(fresh, { recursive: true, force: true });
          expect(await outcome(other, dockerfile, { ...options, cacheFrom }), 'with both').toBe(wanted);
        } else if (round % 4 === 1) {
          expect(await outcome(other, dockerfile, options), 'from another warm store').toBe(wanted);
        } else if (round % 12 === 2) {
          expect(await outcome(warm, dockerfile, { ...options, noCache: true }), 'without the cache').toBe(
            wanted,
          );
        }
        if (round % 15 === 0) await prune(round % 2 ? warm : other, round / 15);
      } finally {
        for (const gone of [cold, cache]) rmSync(gone, { recursive: true, force: true });
      }
    }),
    { numRuns: runs, endOnFailure: false, ...seeded() },
  );
  // Not all may fail, nor in one way.
  expect(failures).toContain('none');
}

function seeded(): { seed?: number } {
  const seed = process.env['JETTISON_WARM_SEED'];
  return seed === undefined ? {} : { seed: Number(seed) };
}

describe('an image does not depend on what was built before', () => {
  test('made of copies, archives and working directories', async () => {
    await check(stages(['scratch', 'scratch', ...Object.keys(BASES)]), RUNS, { isolation: 'none' });
  }, 1_800_000);

  test('made by commands, too', async (ctx) => {
    if (whyNoRun !== undefined) ctx.skip(whyNoRun);
    await check(stages(['busybox'], commands), Math.ceil(RUNS / 6), {});
  }, 1_800_000);
});
