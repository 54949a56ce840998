import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { isArchive } from '../../../src/solve/copy/archive-detect.ts';
import { tempDir } from '../../support/temp-dir.ts';

let directory: string;
let tar: Buffer | undefined;

beforeAll(() => {
  directory = tempDir();
  writeFileSync(join(directory, 'file'), 'x'.repeat(2000));
  const { status } = spawnSync('tar', ['-cf', join(directory, 'a.tar'), '-C', directory, 'file']);
  if (status === 0) tar = readFileSync(join(directory, 'a.tar'));
});

function file(content: Buffer | string): string {
  const path = join(directory, 'candidate');
  writeFileSync(path, content);
  return path;
}

describe('archives that ADD extracts', () => {
  test('a tar with any name', async (ctx) => {
    if (tar === undefined) ctx.skip('no tar program');
    expect(await isArchive(file(tar!))).toBe(true);
    expect(await isArchive(file(gzipSync(tar!)))).toBe(true);
  });

  test.for(['xz', 'bzip2', 'zstd'])('a tar compressed with %s', async (program, ctx) => {
    const { status, stdout } = spawnSync(program, ['-c'], { input: tar });
    if (tar === undefined || status !== 0) ctx.skip(`no tar or no ${program} program`);
    expect(await isArchive(file(stdout))).toBe(true);
  });

  test('no other file', async () => {
    expect(await isArchive(file(''))).toBe(false);
    expect(await isArchive(file('short'))).toBe(false);
    expect(await isArchive(file('text '.repeat(1000)))).toBe(false);
    expect(await isArchive(file(Buffer.alloc(1024)))).toBe(false);
    expect(await isArchive(file(gzipSync('text '.repeat(1000))))).toBe(false);
    expect(await isArchive(file(Buffer.of(0x1f, 0x8b, 1, 2, 3)))).toBe(false);
  });

  test('no damaged archive', async (ctx) => {
    if (tar === undefined) ctx.skip('no tar program');
    const damaged = Buffer.from(tar!);
    damaged[0] = damaged[0]! ^ 1;
    expect(await isArchive(file(damaged))).toBe(false);
    expect(await isArchive(file(gzipSync(tar!).subarray(0, 40)))).toBe(false);
  });
});
