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
import { expect } from 'vitest';
import { JettisonError } from '../../src/errors/error.ts';
import { sha256 } from '../../src/image/digest.ts';
import { removeTree } from '../../src/store/remove-tree.ts';
import { TestBuilds } from './build.ts';
import { randomNumbers, SEED } from './seed.ts';
import { tempDir } from './temp-dir.ts';

/** Damaged files of each kind; many more when that is asked for. */
export const ROT_ROUNDS = Number(process.env['JETTISON_ROT_ROUNDS'] ?? 1);

export const ROT_DOCKERFILE = `FROM base AS made
COPY a.txt b.txt /a/
RUN mkdir /made && cat /a/* >/made/sum && ln -s sum /made/link
FROM base
COPY --from=made /made /a/a.txt /out/
RUN cat /out/sum >/again
`;

/** Kinds of files of a store by which its layers leave it. */
const LAYER_KINDS = [
  'blobs',
  'layers/*/layer.json',
  'layers/*/index',
  'layers/*/blob.json',
  'layers/*/dir',
] as const;
const OTHER_KINDS = ['images', 'index.json', 'steps', 'contexts', 'selections', 'rungs.json'] as const;
/** Kinds of files of a store. */
export const ROT_KINDS = [...LAYER_KINDS, ...OTHER_KINDS];

export function holdsLayers(kind: string): boolean {
  return LAYER_KINDS.some((known) => known === kind);
}

const WAYS = ['flip', 'first', 'middle', 'last', 'truncate', 'zero', 'delete'];

/** A copy of a store in which one file is damaged. */
export interface RottenStore {
  readonly folder: string;
  readonly home: string;
  readonly how: string;
  /** Says which file is damaged, and how. */
  readonly label: string;
  /** Makes the copy anew, damaged at another place of the same file. */
  again(): void;
}

/** A store with an image `app` of `ROT_DOCKERFILE`, and damaged copies of it. */
export class RotBuilds {
  private constructor(
    readonly sound: TestBuilds,
    /** Of the image. */
    readonly digest: string | undefined,
  ) {}

  static async create(): Promise<RotBuilds> {
    const sound = await TestBuilds.create({}, { network: 'host' });
    sound.write({ 'a.txt': 'aaaa', 'b.txt': 'bbbb' });
    const old = new Date(1_600_000_000_000);
    for (const name of ['a.txt', 'b.txt']) utimesSync(join(sound.context, name), old, old);
    // Digests of files that have just been written are not remembered.
    await setTimeout(2100);
    const { digest } = await sound.build(ROT_DOCKERFILE, { reproducible: true, tags: ['app'] });
    return new RotBuilds(sound, digest);
  }

  remove(): void {
    this.sound.remove();
  }

  /** Calls `check` with a damaged copy for each round; file and damage are of the seed. */
  async eachRound(
    kind: (typeof ROT_KINDS)[number],
    check: (store: RottenStore, round: number) => Promise<void>,
  ): Promise<void> {
    const random = randomNumbers(SEED + ROT_KINDS.indexOf(kind));
    const candidates = filesOf(this.sound.home).get(kind);
    expect(candidates).toBeDefined();
    for (let round = 0; round < ROT_ROUNDS; round++) {
      const file = candidates![Math.floor(random() * candidates!.length)]!;
      const how = WAYS[Math.floor(random() * WAYS.length)]!;
      const folder = tempDir();
      const home = join(folder, 'store');
      const again = () => {
        removeTree(home);
        // With the times of folders, too: by them an index.json counts as merely old.
        execFileSync('cp', ['-a', this.sound.home, home]);
        damage(join(home, file), how, random);
      };
      again();
      try {
        await check({ folder, home, how, label: `${how} ${file}`, again }, round);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }
  }

  /** The digest of the image's archive (megabytes, which `toEqual` takes seconds for); undefined when that is refused. */
  async saved(home: string, path: string): Promise<string | undefined> {
    rmSync(path, { force: true });
    const { code, err } = await this.sound.command(['save', 'app', '-o', path], { home });
    expectClear(code, err);
    // Nothing that looks complete is left of one that failed.
    expect(existsSync(path)).toBe(code === 0);
    return code === 0 ? sha256(readFileSync(path)) : undefined;
  }
}

/** A command ends well or with an error that is meant for people; 125 is that of `run`. */
export function expectClear(code: number | null, err: string): void {
  expect(err).not.toMatch(/bug in Jettison|^ {4}at /m);
  expect([0, 1, 125]).toContain(code);
  if (code !== 0) expect(err).toMatch(/^error: /m);
}

/** Undefined for an error that is meant for people. */
export async function orError<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof JettisonError) return undefined;
    throw error;
  }
}

/** Kind of a store's file; undefined for those that say nothing. */
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

/** Damages a file, keeping its time as a disk would: to the nanosecond, which decides what is older than what. */
function damage(path: string, how: string, random: () => number): void {
  const { size } = statSync(path);
  const { mtimeNs } = statSync(path, { bigint: true });
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
  execFileSync('touch', ['-m', '-d', `@${mtimeNs / 1_000_000_000n}.${String(mtimeNs).slice(-9)}`, path]);
}
