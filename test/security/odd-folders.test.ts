// Files in folders that somebody else made: layouts, caches and contexts. What is not a file there is never waited for,
// and no symlink leads out.

import { execFileSync, spawn } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeTree } from '../../src/store/remove-tree.ts';
import { type Ended, TestBuilds } from '../support/build.ts';
import { sample } from '../support/thorough.ts';

let builds: TestBuilds;
/** A cache folder, which is an OCI layout as well. */
let cache: string;
let layout: string;

beforeAll(async () => {
  builds = await TestBuilds.create();
  builds.write({ file: 'content' });
  builds.write({ Dockerfile: 'FROM scratch\nCOPY file /\n' });
  cache = join(builds.folder, 'cache');
  layout = join(builds.folder, 'layout');
  await build('--output', `type=oci,tar=false,dest=${layout}`, '--cache-to', `type=local,dest=${cache}`);
});
afterAll(() => builds?.remove());

/** A build in an empty store. */
async function build(...args: string[]): Promise<Ended> {
  const home = join(builds.folder, 'empty');
  removeTree(home);
  const ended = await builds.run(['build', builds.context, '-t', 'x', '--progress=plain', ...args], { home });
  expect(ended.err).not.toMatch(/bug in Jettison|^ {4}at /m);
  return ended;
}

const WAYS: Record<string, (path: string) => void> = {
  'a FIFO': (path) => execFileSync('mkfifo', [path]),
  'a directory': (path) => mkdirSync(path),
  'a link to a device': (path) => symlinkSync('/dev/zero', path),
  'a link to the outside': (path) => {
    renameSync(path, join(builds.folder, 'outside'));
    symlinkSync(join(builds.folder, 'outside'), path);
  },
};
const ways = sample(Object.keys(WAYS), 1);
const IN_CONTEXT = ['Dockerfile', '.dockerignore', 'Dockerfile.dockerignore'];

/** Puts something else in the place of a file. */
function replace(path: string, way: string): void {
  if (way !== 'a link to the outside') rmSync(path, { recursive: true });
  WAYS[way]!(path);
}

/** Paths of the files of a layout, relative to it. */
function filesOf(folder: string): string[] {
  const all = readdirSync(folder, { recursive: true, withFileTypes: true });
  return all
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

describe.each(ways)('%s', (way) => {
  it('in the place of a file of an OCI layout is an error', async () => {
    writeFileSync(join(builds.folder, 'Dockerfile'), 'FROM foreign\nCOPY file /again\n');
    for (const file of filesOf(layout)) {
      const copy = join(builds.folder, 'copy');
      rmSync(copy, { recursive: true, force: true });
      cpSync(layout, copy, { recursive: true });
      replace(join(copy, file), way);
      const args = [
        '-f',
        join(builds.folder, 'Dockerfile'),
        '--build-context',
        `foreign=oci-layout://${copy}`,
      ];
      const { code, err } = await build(...args);
      expect({ file, code }).toEqual({ file, code: 1 });
      expect(err).toContain('error: the OCI image layout');
    }
  });

  it('in the place of a file of a cache is left alone', async () => {
    for (const file of filesOf(cache)) {
      const copy = join(builds.folder, 'copy');
      rmSync(copy, { recursive: true, force: true });
      cpSync(cache, copy, { recursive: true });
      replace(join(copy, file), way);
      const { code, err } = await build('--cache-from', `type=local,src=${copy}`);
      // A build goes on without a cache that it cannot read, and fails when it has relied on it.
      if (code !== 0) expect(err).toMatch(/^error: .*cannot be (fetched|read)/m);
      await build('--cache-to', `type=local,dest=${copy}`);
    }
  });

  // A link to a Dockerfile elsewhere is fine.
  const names = way === 'a link to the outside' ? [] : IN_CONTEXT;
  it.each(names)('in the place of %s is an error', async (name) => {
    const path = join(builds.context, name);
    if (name === '.dockerignore' || name === 'Dockerfile.dockerignore') writeFileSync(path, '');
    const text = readFileSync(path);
    try {
      replace(path, way);
      const { code, err } = await build();
      expect(code).toBe(1);
      expect(err).toMatch(/^error: .*is (not a regular file|a directory)/m);
    } finally {
      rmSync(path, { recursive: true, force: true });
      if (name === 'Dockerfile') writeFileSync(path, text);
    }
  });
});

it('deletes nothing where a folder of a cache is a link', async () => {
  const precious = join(builds.folder, 'precious');
  mkdirSync(precious);
  const names = ['notes', 'f'.repeat(64), '01234567-89ab-cdef-0123-456789abcdef'];
  for (const name of names) {
    writeFileSync(join(precious, name), 'mine');
    utimesSync(join(precious, name), 1_600_000_000, 1_600_000_000);
  }
  for (const folder of ['tmp', 'refs', 'blobs', 'blobs/sha256']) {
    const copy = join(builds.folder, 'copy');
    rmSync(copy, { recursive: true, force: true });
    cpSync(cache, copy, { recursive: true });
    rmSync(join(copy, folder), { recursive: true, force: true });
    symlinkSync(precious, join(copy, folder));
    const { code, err } = await build('--cache-to', `type=local,dest=${copy}`);
    expect({ folder, code }).toEqual({ folder, code: 1 });
    expect(err).toContain('is a symbolic link to another place');
    expect(readdirSync(precious).sort()).toEqual(names.sort());
  }
});

it('reads a Dockerfile from a pipe that -f names', async () => {
  const fifo = join(builds.folder, 'fifo');
  execFileSync('mkfifo', [fifo]);
  const writer = spawn('sh', ['-c', 'cat "$0" >"$1"', join(builds.context, 'Dockerfile'), fifo], {
    stdio: 'ignore',
  });
  expect(await build('-f', fifo)).toMatchObject({ code: 0 });
  writer.kill();
});
