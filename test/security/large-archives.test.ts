import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ended, TestBuilds } from '../support/build.ts';
import { makeTar } from '../support/images.ts';

let builds: TestBuilds;
beforeAll(async () => {
  builds = await TestBuilds.create();
});
afterAll(() => builds?.remove());

const many = makeTar(Array.from({ length: 300 }, (_, i) => [`file-${i}`]));
const deep = makeTar(Array.from({ length: 20 }, (_, i) => [`${`d${i}/`.repeat(20)}x`]));
const names = makeTar(Array.from({ length: 40 }, (_, i) => [`${i}-${'n'.repeat(200)}`]));
const bomb = gzipSync(makeTar([['zeros', Buffer.alloc(4 << 20)]]));

describe('archives beyond the limits', () => {
  test.each<[string, Buffer, string]>([
    ['many members', many, 'archive-entries=200'],
    ['members in many directories', deep, 'archive-entries=200'],
    ['long names', names, 'archive-names=4000'],
    ['a high ratio', bomb, 'archive-size=1000000'],
  ])('%s', async (_, tar, setting) => {
    const [limit] = setting.split('=') as [string];
    const name = limit === 'archive-size' ? 'archive-ratio' : limit;
    builds.write({ 'x.tar': tar, Dockerfile: 'FROM scratch\nADD x.tar /\n', 'context.tar': tar });
    const env = { JETTISON_LIMITS: setting };
    const folder = builds.context;
    for (const args of [
      ['build', folder],
      ['build', '--build-arg', 'X=1', '-f', 'Dockerfile', '-'],
      // There no directories are made.
      ...(tar === deep ? [] : [['load', '-i', `${folder}/x.tar`]]),
      ['cache-mounts', 'import', `${folder}/x.tar`],
    ]) {
      const child = builds.start(args, { env });
      child.stdin!.end(args.at(-1) === '-' ? tar : undefined);
      const { code, err } = await ended(child);
      expect(err).toContain(`the limit "${name}"`);
      expect(err).toContain('JETTISON_LIMITS=');
      expect(err).not.toContain('internal error');
      expect(code).toBe(1);
      expect(builds.temporaries()).toEqual([]);
    }
    const { code, err } = await builds.run(['build', folder]);
    expect(err).toContain('ADD x.tar /');
    expect(code).toBe(0);
  });
});
