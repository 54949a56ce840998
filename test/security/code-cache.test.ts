// A cache of compiled code runs in place of the source: none is taken that somebody else could have written.
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Ended, ended, startCommand } from '../support/build.ts';
import { copyCommand } from '../support/sandbox.ts';
import { tempDir } from '../support/temp-dir.ts';
import { IS_THOROUGH, sample } from '../support/thorough.ts';

const GOOD = '0.1.0';
const EVIL = '6.6.6';

let folder: string;
/** A copy of the command; its largest module says the version. */
let cli: string;
let core: string;
let home: string;
/** Where the cache is, or would be. */
let cache: string;

// What the copies below share their files with.
beforeAll(() => {
  copyCommand(join(tempDir(), 'command'));
});
beforeEach(() => {
  folder = tempDir();
  cli = copyCommand(join(folder, 'command'));
  core = join(dirname(cli), 'chunks', 'core.js');
  // A file of its own, which may be changed.
  const source = readFileSync(core);
  rmSync(core);
  writeFileSync(core, source);
  home = join(folder, 'home');
  cache = join(home, '.cache', 'jettison', 'code');
  mkdirSync(home);
  chmodSync(folder, 0o755);
});

function start(args: string[], env: Record<string, string> = {}, ids?: { uid: number; gid: number }) {
  const child = startCommand(args, {
    cli,
    cwd: folder,
    env: { HOME: home, JETTISON_HOME: join(folder, 'store'), ...env },
    ...(ids && { ids }),
  });
  child.stdin?.end();
  return ended(child);
}

const version = (env: Record<string, string> = {}) => start(['--version'], env);
const says = (word: string): Partial<Ended> => ({ code: 0, out: `${word}\n`, err: '' });
const files = () => readdirSync(cache).sort();

/** A cache file that V8 takes for the right one, and that says another version. */
async function evilCache(): Promise<{ path: string; bytes: Buffer }> {
  const source = readFileSync(core, 'utf8');
  expect(await version()).toMatchObject(says(GOOD));
  const [name] = files() as [string];
  writeFileSync(core, source.replace(`\`${GOOD}\``, `\`${EVIL}\``));
  expect(await version()).toMatchObject(says(EVIL));
  writeFileSync(core, source);
  const evil = files().find((file) => file !== name)!;
  const bytes = readFileSync(join(cache, evil));
  rmSync(join(cache, evil));
  const data = bytes.subarray(bytes.indexOf('\n') + 1);
  const digest = createHash('sha256').update(`${name} other\n`).update(data).digest('hex');
  return {
    path: join(cache, name),
    bytes: Buffer.concat([Buffer.from(`jettison-code-1 ${digest} other\n`), data]),
  };
}

/** Puts the evil file in the place of the right one. */
async function plant(): Promise<string> {
  const { path, bytes } = await evilCache();
  writeFileSync(path, bytes, { mode: 0o600 });
  return path;
}

describe('compiled code', () => {
  it('is kept in a folder of the user, closed to all others, and taken by the next start', async () => {
    expect(await version()).toMatchObject(says(GOOD));
    expect(files()).toHaveLength(1);
    for (const path of [dirname(cache), cache]) expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(statSync(join(cache, files()[0]!)).mode & 0o777).toBe(0o600);
    // What makes all the tests below worth something: a file in which everything is right does run.
    await plant();
    expect(await version()).toMatchObject(says(EVIL));
  });

  it('is of one source, one program and one set of options', async () => {
    await plant();
    expect(await version({ NODE_OPTIONS: '--max-old-space-size=3000' })).toMatchObject(says(GOOD));
    writeFileSync(core, `${readFileSync(core, 'utf8')}\n`);
    expect(await version()).toMatchObject(says(GOOD));
  });

  it('is not used where Node shall use none', async () => {
    await plant();
    expect(await version({ NODE_DISABLE_COMPILE_CACHE: '1' })).toMatchObject(says(GOOD));
  });
});

describe('a file of compiled code is not taken', () => {
  const spoiled: [string, (path: string) => void][] = [
    ['when its group can write to it', (path) => chmodSync(path, 0o620)],
    ['when all can read it', (path) => chmodSync(path, 0o644)],
    [
      'when it is a symlink',
      (path) => {
        renameSync(path, join(home, 'elsewhere'));
        symlinkSync(join(home, 'elsewhere'), path);
      },
    ],
    ['when it has a second name', (path) => linkSync(path, join(home, 'elsewhere'))],
    ['when it is truncated', (path) => writeFileSync(path, readFileSync(path).subarray(0, 5000))],
    ['when it is empty', (path) => writeFileSync(path, '')],
    ['when all of it is zero', (path) => writeFileSync(path, Buffer.alloc(200_000))],
    [
      'when its header is of something else',
      (path) => writeFileSync(path, `{}${readFileSync(path, 'latin1')}`),
    ],
  ];
  it.for(sample(spoiled, 3))('%s, and replaced', async ([, spoil]) => {
    const path = await plant();
    spoil(path);
    expect(await version()).toMatchObject(says(GOOD));
    expect(await version()).toMatchObject(says(GOOD));
    expect(files()).toHaveLength(1);
    const stat = lstatSync(path);
    expect([stat.isFile(), stat.mode & 0o777, stat.nlink]).toEqual([true, 0o600, 1]);
  });

  it('when it is a directory, which stays', async () => {
    const path = await plant();
    rmSync(path);
    mkdirSync(path);
    expect(await version()).toMatchObject(says(GOOD));
    expect(lstatSync(path).isDirectory()).toBe(true);
  });

  it('when one bit of it has changed', async () => {
    const path = await plant();
    const bytes = readFileSync(path);
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length * 8 - 1), async (bit) => {
        const changed = Buffer.from(bytes);
        changed[bit >> 3]! ^= 1 << (bit & 7);
        writeFileSync(path, changed);
        chmodSync(path, 0o600);
        expect(await version()).toMatchObject(says(GOOD));
      }),
      { numRuns: IS_THOROUGH ? 10 : 3 },
    );
  });

  it('when it belongs to another user', async (ctx) => {
    if (process.getuid?.() !== 0) return ctx.skip('only root can give files away');
    const path = await plant();
    chownSync(path, 1000, 1000);
    expect(await version()).toMatchObject(says(GOOD));
    expect(statSync(path).uid).toBe(0);
  });
});

describe('a folder of compiled code is neither used nor changed', () => {
  const spoiled: [string, () => void][] = [
    ['when others can write to it', () => chmodSync(cache, 0o777)],
    ['when others can look into it', () => chmodSync(cache, 0o755)],
    ['when others can write to the folder above it', () => chmodSync(dirname(cache), 0o770)],
    [
      'when it is a symlink',
      () => {
        renameSync(cache, join(home, 'elsewhere'));
        symlinkSync(join(home, 'elsewhere'), cache);
      },
    ],
    [
      'when the folder above it is a symlink',
      () => {
        renameSync(dirname(cache), join(home, 'elsewhere'));
        symlinkSync(join(home, 'elsewhere'), dirname(cache));
      },
    ],
  ];
  it.for(sample(spoiled, 2))('%s', async ([, spoil]) => {
    const path = await plant();
    spoil();
    const [before, bytes] = [files(), readFileSync(path)];
    expect(await version()).toMatchObject(says(GOOD));
    expect(await start(['build', '--help'])).toMatchObject({ code: 0 });
    expect(files()).toEqual(before);
    expect(readFileSync(path)).toEqual(bytes);
  });

  it.for([[0], [1]] as const)(
    'when it, or the folder above it, is of another user',
    async ([levels], ctx) => {
      if (process.getuid?.() !== 0) return ctx.skip('only root can give files away');
      await plant();
      chownSync(levels === 0 ? cache : dirname(cache), 1000, 1000);
      expect(await version()).toMatchObject(says(GOOD));
    },
  );

  it('by root with the HOME of another user (sudo), nor made there', async (ctx) => {
    if (process.getuid?.() !== 0) return ctx.skip('only root can act as another user');
    chownSync(home, 1000, 1000);
    expect(await version()).toMatchObject(says(GOOD));
    expect(readdirSync(home)).toEqual([]);
    const ids = { uid: 1000, gid: 1000 };
    expect(await start(['--version'], {}, ids)).toMatchObject(says(GOOD));
    const [name] = files() as [string];
    expect(await version()).toMatchObject(says(GOOD));
    expect(files()).toEqual([name]);
  });

  it.for([
    ['is relative', { XDG_CACHE_HOME: 'cache' }],
    ['cannot be made', { XDG_CACHE_HOME: '/proc/nothing' }],
    ['is not known', { HOME: '', XDG_CACHE_HOME: '' }],
    ['is a relative home', { HOME: 'home', XDG_CACHE_HOME: '' }],
  ] as const)('when its place %s', async ([, env]) => {
    expect(await version({ ...env })).toMatchObject(says(GOOD));
    expect(readdirSync(folder).sort()).toEqual(['command', 'home']);
    expect(readdirSync(home)).toEqual([]);
  });
});

describe('while compiled code is written', () => {
  it('processes do not disturb each other', async () => {
    const all = await Promise.all(Array.from({ length: 6 }, () => version()));
    for (const one of all) expect(one).toMatchObject(says(GOOD));
    expect(files()).toHaveLength(1);
    expect(await version()).toMatchObject(says(GOOD));
  });

  it('leftovers of a SIGKILL are never loaded, and are deleted later', async () => {
    const hook = join(folder, 'kill.cjs');
    writeFileSync(
      hook,
      `const fs = require('fs'); const write = fs.writeSync;
       fs.writeSync = (fd, bytes, ...more) => {
         if (bytes.length < 5000) return write(fd, bytes, ...more);
         write(fd, bytes.subarray(0, 5000)); process.kill(process.pid, 'SIGKILL');
       };`,
    );
    const env = { NODE_OPTIONS: `--require=${hook}` };
    expect(await version(env)).toMatchObject({ signal: 'SIGKILL' });
    const [left] = files() as [string];
    expect(left).toMatch(/\.new$/);
    expect(await version()).toMatchObject(says(GOOD));
    expect(files()).toHaveLength(2);
    utimesSync(join(cache, left), 1, 1);
    writeFileSync(core, `${readFileSync(core, 'utf8')}\n`);
    expect(await version()).toMatchObject(says(GOOD));
    expect(existsSync(join(cache, left))).toBe(false);
  });

  it('no more than a few versions are kept', async () => {
    const source = readFileSync(core, 'utf8');
    for (let i = 0; i < 9; i++) {
      writeFileSync(core, `${source}${'\n'.repeat(i)}`);
      expect(await version()).toMatchObject(says(GOOD));
    }
    expect(files()).toHaveLength(6);
  });
});
