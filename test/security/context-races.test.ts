import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hashFile } from '../../src/context/hash-file.ts';
import { TestBuilds } from '../support/build.ts';

let builds: TestBuilds;
beforeAll(async () => {
  builds = await TestBuilds.create();
});
afterAll(() => builds?.remove());

test.each([10, 1 << 20])('a file of %i bytes that has become something else is an error', async (size) => {
  const folder = join(builds.folder, `other-${size}`);
  mkdirSync(folder);
  execFileSync('mkfifo', [join(folder, 'fifo')]);
  for (const path of [folder, join(folder, 'fifo'), join(folder, 'none'), join(folder, 'fifo', 'below')]) {
    await expect(hashFile(path, size, 'file')).rejects.toMatchObject({ code: 'CONTEXT_CHANGED' });
  }
});

test('further names of a FIFO are left out of a folder as it is', async () => {
  const files = join(builds.context, 'files');
  mkdirSync(files);
  execFileSync('mkfifo', [join(files, 'a')]);
  linkSync(join(files, 'a'), join(files, 'b'));
  writeFileSync(join(files, 'c'), 'c');
  const path = join(builds.folder, 'out');
  await builds.build('FROM scratch\nCOPY files /\n', { outputs: [{ type: 'local', path }] } as object);
  expect(readdirSync(path)).toEqual(['c']);
});
