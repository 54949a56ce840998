import { execFileSync } from 'node:child_process';
import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JettisonError } from '../../src/errors/error.ts';
import type { Output } from '../../src/export/exporters.ts';
import { randomNumbers, TestBuilds } from '../support/build.ts';
import { whyNoSandbox } from '../support/sandbox.ts';
import { tempDir } from '../support/temp-dir.ts';

/** Damaged files of each kind; many more when that is asked for. */
const ROUNDS = Number(process.env['JETTISON_ROT_ROUNDS'] ?? 1);
const SEED = Number(process.env['JETTISON_ROT_SEED'] ?? 1);

const why = whyNoSandbox();
const DOCKERFILE = `FROM base AS made
COPY a.txt b.txt /a/
RUN mkdir /made && cat /a/* >/made/sum && ln -s sum /made/link
FROM base
COPY --from=made /made /a/a.txt /out/
RUN cat /out/sum >/again
`;
/** Stands on the same layers, and prints all of their files. */
const ON_TOP = `${DOCKERFILE}RUN cat /out/sum /out/a.txt /again /usr/a\n`;
const PRINTED = 'aaaabbbbaaaaaaaabbbba';

let sound: TestBuilds;
let archive: Buffer;
let digest: string | undefined;
let tree: Map<string, string>;

beforeAll(async () => {
  if (why !== undefined) return;
  sound = await TestBuilds.create({});
  sound.write({ 'a.txt': 'aaaa', 'b.txt': 'bbbb' });
  const old = new Date(1_600_000_000_000);
  for (const name of ['a.txt', 'b.txt']) utimesSync(join(sound.context, name), old, old);
  // Digests of files that have just been written are not remembered.
  await setTimeout(2100);
  ({ digest } = await sound.build(DOCKERFILE, { reproducible: true, tags: ['app'] }));
  archive = (await saved(sound, join(sound.folder, 'sound.tar')))!;
  tree = (await files(sound))!;
});
afterAll(() => sound?.remove());

/** The archive of the image; undefined when that is refused. */
async function saved({ home }: Pick<TestBuilds, 'home'>, path: string): Promise<Buffer | undefined> {
  rmSync(path, { force: true });
  const { code, err } = await sound.run(['save', 'app', '-o', path], { home });
  isClear(code, err);
  // Nothing that looks complete is left of one that failed.
  expect(existsSync(path)).toBe(code === 0);
  return code === 0 ? readFileSync(path) : undefined;
}

/** The files of the image by path, as `-o DIR` writes them; undefined when that is refused. */
async function files({ home }: Pick<TestBuilds, 'home'>): Promise<Map<string, string> | undefined> {
  const folder = tempDir();
  try {
    const outputs: Output[] = [{ type: 'local', path: folder }];
    const built = await orError(() => sound.build(DOCKERFILE, { home, reproducible: true, outputs }));
    if (built === undefined) return undefined;
    const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    const regular = paths.filter((path) => statSync(join(folder, path), { throwIfNoEntry: false })?.isFile());
    return new Map(regular.sort().map((path) => [path, readFileSync(join(folder, path), 'latin1')]));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function isClear(code: number | null, err: string): void {
  expect(err).not.toMatch(/bug in Jettison|^ {4}at /m);
  expect([0, 1]).toContain(code);
  if (code === 1) expect(err).toMatch(/^error: /m);
}

/** Undefined for an error that is meant for people. */
async function orError<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof JettisonError) return undefined;
    throw error;
  }
}

/** Which kind of file of a store this is; undefined for those that say nothing. */
function kindOf(path: string): string | undefined {
  const [folder, , name] = path.split('/');
  if (folder === 'locks' || folder === 'tmp') return undefined;
  if (folder === 'layers') return /^dir/.test(name!) ? 'layers/*/dir' : `layers/*/${name}`;
  return folder;
}

function filesOf(home: string): Map<string, string[]> {
  const kinds = new Map<string, string[]>();
  const walk = (folder: string) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) walk(path);
      if (!entry.isFile() || statSync(path).size === 0) continue;
      const name = relative(home, path);
      const kind = kindOf(name);
      if (kind !== undefined) kinds.set(kind, [...(kinds.get(kind) ?? []), name].sort());
    }
  };
  walk(home);
  return kinds;
}

const KINDS = ['blobs', 'images', 'index.json', 'steps', 'contexts', 'selections', 'rungs.json'];
const LAYER_KINDS = ['layers/*/layer.json', 'layers/*/index', 'layers/*/blob.json', 'layers/*/dir'];

/** Damages a file, keeping its times as a disk would. */
function damage(path: string, how: string, random: () => number): void {
  const { size, atime, mtime } = statSync(path);
  if (how === 'delete') {
    rmSync(path);
    return;
  }
  if (how === 'truncate') truncateSync(path, Math.floor(size * random()));
  else if (how === 'zero') writeFileSync(path, Buffer.alloc(size));
  else {
    const bytes = readFileSync(path);
    const at = { first: 0, last: size - 1, middle: size >> 1 }[how] ?? Math.floor(random() * size);
    bytes[at]! ^= 1 << Math.floor(random() * 8);
    writeFileSync(path, bytes);
  }
  utimesSync(path, atime, mtime);
}

const WAYS = ['flip', 'first', 'middle', 'last', 'truncate', 'zero', 'delete'];

describe.skipIf(why)('a store with a damaged file', () => {
  it.each([...KINDS, ...LAYER_KINDS])(
    '%s gives the right image, a clear error, or a repair',
    async (kind) => {
      const random = randomNumbers(SEED + [...KINDS, ...LAYER_KINDS].indexOf(kind));
      const candidates = filesOf(sound.home).get(kind);
      expect(candidates).toBeDefined();
      for (let round = 0; round < ROUNDS; round++) {
        const file = candidates![Math.floor(random() * candidates!.length)]!;
        const how = WAYS[Math.floor(random() * WAYS.length)]!;
        const folder = tempDir();
        const home = join(folder, 'store');
        const restore = () => {
          rmSync(home, { recursive: true, force: true });
          // With the times of folders, too: by them an index.json counts as merely old.
          execFileSync('cp', ['-a', sound.home, home]);
          damage(join(home, file), how, random);
        };
        const label = `${how} ${file}`;
        try {
          restore();
          const options = { home, reproducible: true };
          expect((await saved({ home }, join(folder, 'a.tar'))) ?? archive, label).toEqual(archive);
          const cached = await orError(() => sound.build(DOCKERFILE, options));
          expect(cached?.digest ?? digest, label).toBe(digest);
          restore();
          expect((await files({ home })) ?? tree, label).toEqual(tree);
          restore();
          const printed = await orError(() => sound.build(ON_TOP, options));
          expect(printed?.output ?? PRINTED, label).toBe(PRINTED);
          restore();
          for (const command of [
            'images',
            'du',
            'prune -f',
            'history app',
            'inspect app',
            'run --rm app cat /again',
          ]) {
            const { code, out, err } = await sound.run(command.split(' '), { home });
            isClear(code, err);
            if (code === 0 && command.startsWith('run')) expect(out, label).toBe('aaaabbbb');
          }
          restore();
          const doctor = await sound.run(['doctor', '--store'], { home });
          // What is gone leaves no trace, where the store works without it; the worker writes rungs.json again.
          if (kind !== 'rungs.json' && how !== 'delete')
            expect(doctor.code, `${label}\n${doctor.out}`).toBe(1);
          const mended = await sound.run(['doctor', '--store', '--repair'], { home });
          isClear(0, mended.err);
          const rebuilt = await orError(() => sound.build(DOCKERFILE, options));
          expect(rebuilt?.digest ?? digest, label).toBe(digest);
          if (mended.code === 0) {
            expect(rebuilt, label).toBeDefined();
            expect(await sound.run(['doctor', '--store', '--deep'], { home }), label).toMatchObject({
              code: 0,
            });
          }
        } finally {
          rmSync(folder, { recursive: true, force: true });
        }
      }
    },
  );
});
