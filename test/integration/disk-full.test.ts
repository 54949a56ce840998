import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync, statfsSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Ended } from '../support/build.ts';
import { TestCommand } from '../support/command.ts';
import { FakeRegistry } from '../support/registry.ts';
import { IS_THOROUGH, sample, TEST_USERS } from '../support/thorough.ts';

const DISK = 24 << 20;
const BIG = 10 << 20;

describe.each(TEST_USERS)('a disk that is full, as %s', (user) => {
  let jettison: TestCommand;
  let registry: FakeRegistry;
  let why: string | undefined;

  beforeAll(async () => {
    const opened = await TestCommand.open(user, { storeSize: DISK });
    if (typeof opened === 'string') {
      why = opened;
      return;
    }
    jettison = opened;
    registry = await FakeRegistry.start();
    for (const name of ['one', 'two', 'three']) jettison.write({ [name]: randomBytes(BIG) });
    jettison.write({ small: 'small' });
  });
  afterAll(async () => {
    jettison?.remove();
    await registry?.close();
  });

  beforeEach(async (ctx) => {
    if (why !== undefined) return ctx.skip(why);
    makeRoom();
    await jettison.renewStore();
  });

  const fillPath = () => jettison.seen(join(jettison.home, '..', 'fill'));
  /** Leaves so many bytes on the disk. */
  const fill = (room: number) => {
    rmSync(fillPath(), { force: true });
    try {
      for (let size = 1 << 20; ; ) writeFileSync(fillPath(), Buffer.alloc(size), { flag: 'a' });
    } catch (error) {
      expect(error).toMatchObject({ code: 'ENOSPC' });
    }
    truncateSync(fillPath(), Math.max(0, sizeOf(fillPath()) - room));
  };
  const freeBytes = () => {
    const { bavail, bsize } = statfsSync(jettison.seen(jettison.home));
    return bavail * bsize;
  };
  const makeRoom = () => rmSync(fillPath(), { force: true });
  const isWhole = async () => {
    expect(await jettison.run(['doctor', '--store'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('nothing is wrong'),
    });
    expect(jettison.left('no such text')).toEqual([]);
  };
  const expectFull = ({ code, err }: Ended) => {
    expect({ code, err }).toMatchObject({ code: 1 });
    expect(err).toContain(`no space left on the disk of the store, ${jettison.home}\n`);
    expect(err).toMatch(/hint: .*`jettison prune`/);
    expect(err).not.toMatch(/^\s+at /m);
  };
  /** Deletes what is not needed, as a user would. */
  const prune = async () => {
    makeRoom();
    for (const args of [
      ['builder', 'prune', '--all', '--force'],
      ['prune', '--force'],
    ]) {
      await jettison.run(args);
    }
  };

  const cases: [string, () => Promise<Ended>][] = [
    ['a command writes', () => jettison.build('FROM base\nRUN dd if=/dev/zero of=/x bs=1M count=100\n')],
    ['files are laid out for a command', () => jettison.build('FROM base\nCOPY one two three /\nRUN true\n')],
    ['a layer is packed', () => jettison.build('FROM scratch\nCOPY one two three /\n')],
    [
      'files are mounted',
      () => jettison.build('FROM base\nRUN --mount=type=bind,target=/m,rw cp /m/one /m/x; true\n'),
    ],
    ['an image is loaded', () => jettison.run(['load', '-i', join(jettison.folder, 'big.tar')])],
    ['an image is pulled', () => jettison.run(['pull', `${registry.host}/big:1`])],
    ['a context comes as an archive', () => jettison.run(['build', '-'], { stdin: 'x'.repeat(DISK) })],
  ];

  it.each(sample(cases, 4))('while %s', async (what, act) => {
    if (what.startsWith('an image')) {
      const name = `${registry.host}/big:1`;
      const big = await jettison.build(
        'FROM scratch\nCOPY one /\n',
        '-t',
        name,
        '-o',
        `type=docker,dest=${join(jettison.folder, 'big.tar')}`,
        '--push',
      );
      expect(big).toMatchObject({ code: 0 });
      await jettison.run(['rmi', '-f', name]);
      await prune();
      fill(5 << 20);
    } else if (what === 'files are mounted') fill(15 << 20);
    const ended = await act();
    if (what === 'a command writes') {
      expect(ended).toMatchObject({
        code: 1,
        err: expect.stringContaining(`The disk of the store, ${jettison.home},`),
      });
    } else expectFull(ended);
    await isWhole();
    if (what === 'a command writes') expect(freeBytes()).toBeGreaterThan(DISK / 2);
    await prune();
    expect(await jettison.build('FROM base\nRUN true\nCOPY small /\n', '-t', 'x')).toMatchObject({ code: 0 });
  });

  it('however little is left, a build works or says why not, and leaves the store whole', async () => {
    const dockerfile = 'FROM base\nCOPY small /\nRUN echo x > /y\nWORKDIR /z\n';
    // With an unpacked base little room is enough.
    expect(await jettison.build('FROM base\nRUN true\n')).toMatchObject({ code: 0 });
    const codes = new Set<number | null>();
    for (let room = 0; !codes.has(0); room += IS_THOROUGH ? 1 << 13 : 1 << 15) {
      fill(room);
      const ended = await jettison.build(dockerfile, '--no-cache', '-t', 'x');
      codes.add(ended.code);
      if (ended.code !== 0) expect(ended.err).toMatch(/no space left on the disk|The disk of the store/);
      await isWhole();
    }
    expect(codes).toEqual(new Set([0, 1]));
    fill(0);
    for (const args of [
      ['tag', 'base', 'other'],
      ['run', 'base', 'true'],
      ['run', '-d', 'base', 'true'],
    ]) {
      const { code, err } = await jettison.run(args);
      expect({ args, code: code !== 0, err }).toMatchObject({
        code: true,
        err: expect.stringContaining(jettison.home),
      });
    }
    // What makes room works on a full disk.
    await expect(jettison.run(['images'])).resolves.toMatchObject({ code: 0 });
    await expect(jettison.run(['rmi', 'x'])).resolves.toMatchObject({ code: 0 });
    await expect(jettison.run(['builder', 'prune', '--all', '--force'])).resolves.toMatchObject({ code: 0 });
    await isWhole();
  });

  it('the disk of an output is named by the output', async () => {
    const { home } = jettison;
    const beside = join(home, '..');
    expect(await jettison.build('FROM scratch\nCOPY one /\n', '-t', 'x')).toMatchObject({ code: 0 });
    fill(1 << 20);
    for (const [output, named] of [
      [`type=oci,dest=${beside}/x.tar`, `${beside}/x.tar`],
      [`type=tar,dest=${beside}/y.tar`, `${beside}/y.tar`],
      [`type=local,dest=${beside}/files`, `${beside}/files`],
    ] as const) {
      const { code, err } = await jettison.build('FROM scratch\nCOPY one /\n', '-o', output);
      expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining(named) });
      // The files of a folder are on their way through the store, which is on the same disk here.
      if (!output.startsWith('type=local')) expect(err).not.toContain('of the store');
      rmSync(jettison.seen(`${beside}/files`), { recursive: true, force: true });
    }
    const { err } = await jettison.run(['save', '-o', `${beside}/z.tar`, 'x']);
    expect(err).toContain(`${beside}/z.tar`);
    const cache = await jettison.build(
      'FROM scratch\nCOPY one /\n',
      '--cache-to',
      `type=local,dest=${beside}/cache`,
    );
    expect(cache).toMatchObject({ code: 1, err: expect.stringContaining(`${beside}/cache`) });
    rmSync(jettison.seen(`${beside}/cache`), { recursive: true, force: true });
    expect(readdirSync(jettison.seen(beside)).sort()).toEqual(['fill', 'store']);
    await isWhole();
  });
});

function sizeOf(path: string): number {
  return statSync(path).size;
}
