import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test, vi } from 'vitest';
import { build } from '../../src/build/build.ts';
import { parseDockerfile } from '../../src/dockerfile/parse.ts';
import type { Output } from '../../src/export/exporters.ts';
import { makeTar } from '../support/images.ts';
import { tempDir } from '../support/temp-dir.ts';

// Files before this one may have loaded what imports the module that is replaced.
vi.hoisted(() => vi.resetModules());
vi.mock('../../src/dockerfile/parse.ts', async (original) => {
  const module = await original<typeof import('../../src/dockerfile/parse.ts')>();
  return { ...module, parseDockerfile: vi.fn(module.parseDockerfile) };
});

const DOCKERFILE = 'FROM scratch\nCOPY Dockerfile /\n';
let folder: string;
let home: string;
beforeEach(() => {
  folder = tempDir();
  home = join(folder, 'store');
  writeFileSync(join(folder, 'Dockerfile'), DOCKERFILE);
  vi.mocked(parseDockerfile).mockClear();
});

const options = () => ({
  context: folder,
  home,
  isolation: 'none' as const,
  env: { PATH: process.env['PATH'] },
});

test('a build that ends sooner leaves the temporary files of another', async () => {
  const tar = makeTar([['Dockerfile', DOCKERFILE]]);
  let ended: Promise<unknown> | undefined;
  async function* halves() {
    yield tar.subarray(0, 512);
    // By now the first half is in a temporary file.
    ended = build(options());
    await ended;
    yield tar.subarray(512);
  }
  const slow = await build({ ...options(), context: '-', stdin: halves() });
  expect(ended).toBeDefined();
  expect(slow.digest).toMatch(/^sha256:/);
  expect(readdirSync(join(home, 'tmp'))).toEqual([]);
});

test.each(['directory', 'archive'])('parses the Dockerfile of a context once: %s', async (kind) => {
  const stdin = [makeTar([['Dockerfile', DOCKERFILE]])];
  await build(kind === 'directory' ? options() : { ...options(), context: '-', stdin: iterable(stdin) });
  expect(parseDockerfile).toHaveBeenCalledTimes(1);
});

test('refuses an unknown output type before it builds anything', async () => {
  const outputs = [{ type: 'image' }, { type: 'zip', path: join(folder, 'x') }] as unknown as Output[];
  await expect(build({ ...options(), outputs })).rejects.toMatchObject({
    code: 'OUTPUT_INVALID',
    message: 'unknown output type "zip"',
    hint: expect.stringContaining('archive'),
    exitCode: 2,
  });
  expect(readdirSync(folder)).toEqual(['Dockerfile']);
});

async function* iterable<T>(items: readonly T[]): AsyncIterable<T> {
  yield* items;
}
