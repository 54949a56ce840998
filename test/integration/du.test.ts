import { randomBytes } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { command as builder } from '../../src/cli/commands/builder.ts';
import { command as du } from '../../src/cli/commands/du.ts';
import { command as prune } from '../../src/cli/commands/prune.ts';
import { verifyStore } from '../../src/store/verify.ts';
import { TestBuilds } from '../support/build.ts';
import { runCommand } from '../support/images.ts';
import { whyNoSandbox } from '../support/sandbox.ts';

interface Row {
  id: string;
  kind: string;
  size: number;
  holder: string;
  reclaimable: boolean;
  title?: string;
}

describe('jettison du and keep-storage', () => {
  let builds: TestBuilds;
  let why: string | undefined;

  beforeAll(async () => {
    why = whyNoSandbox();
    if (why !== undefined) return;
    builds = await TestBuilds.create({});
    for (const name of ['one', 'two', 'three']) builds.write({ [name]: randomBytes(50_000).toString('hex') });
    await builds.build('FROM base\nCOPY one /\nRUN cp /one /run\n', { tags: ['app'] });
  });
  afterAll(() => builds?.remove());
  beforeEach((ctx) => {
    if (why !== undefined) ctx.skip(why);
  });

  const rows = async (): Promise<Row[]> =>
    JSON.parse((await runCommand(du, ['--json'], { home: builds.home })).stdout);
  const sum = (all: Row[], holder: string) =>
    all.filter((one) => one.holder === holder).reduce((total, { size }) => total + size, 0);

  it('separates images, cache and reclaimable space', async () => {
    const before = await rows();
    expect(before.find(({ title }) => title === 'RUN cp /one /run')).toMatchObject({
      holder: 'build cache',
      reclaimable: true,
    });
    expect(sum(before, 'nothing')).toBe(0);
    expect(before.filter(({ kind, holder }) => kind === 'blob' && holder === 'image')).not.toEqual([]);
    // The name moves on: what it stood for is a nameless image's, or nobody's.
    await builds.build('FROM base\nCOPY two /\n', { tags: ['app'] });
    const { stdout } = await runCommand(du, [], { home: builds.home });
    expect(stdout).toMatch(/^TYPE +TOTAL +SIZE +RECLAIMABLE +WITH +WHY\nImages +\d+ /);
    expect(stdout).toMatch(/^Build cache .* jettison builder prune --all /m);
    const after = await rows();
    const lost = after.filter(({ kind, holder }) => kind === 'blob' && holder === 'nothing');
    expect(lost.length).toBeGreaterThan(0);
    const { stdout: pruned } = await runCommand(prune, ['-f'], { home: builds.home });
    expect(pruned).toContain('Total reclaimed space: ');
    expect(sum(await rows(), 'nothing')).toBe(0);
  });

  it('shows every part with -v and --format', async () => {
    const { stdout } = await runCommand(du, ['-v'], { home: builds.home });
    expect(stdout).toMatch(/^ID +KIND +SIZE +LAST USED +RECLAIMABLE +OF\n/);
    const lines = await runCommand(du, ['--format', '{{.Type}}:{{.TotalCount}}'], { home: builds.home });
    expect(lines.stdout).toMatch(/^Images:\d+\nBuild cache:\d+\n/);
  });

  it('--keep-storage deletes the least recently used first', async () => {
    const DOCKERFILE = (name: string) =>
      `FROM base\nRUN echo ${name}\nCOPY ${name} /\nRUN cp /${name} /${name}2\n`;
    for (const name of ['one', 'two', 'three']) await builds.build(DOCKERFILE(name));
    const keep = async (size: string) =>
      (await runCommand(builder, ['prune', '-f', '--keep-storage', size], { home: builds.home })).stdout;
    expect(await keep('1GB')).toContain('Deleted 0 step records');
    expect(await keep('320kB')).not.toContain('Deleted 0 step records');
    expect(sum(await rows(), 'build cache')).toBeLessThan(320_000);
    expect((await verifyStore(builds.store)).problems).toEqual([]);
    const again = await builds.build(DOCKERFILE('three'));
    expect(again.outcomes['RUN cp /three /three2']).toBe('cached');
    expect(await keep('0')).not.toContain('Deleted 0 step records');
    expect(sum(await rows(), 'build cache')).toBe(0);
  });

  it('shows the builds on record, with what they take, until they are pruned', async () => {
    await builds.build('FROM base\nCOPY one /\n');
    const records = join(builds.home, 'builds');
    const bytes = ['records', 'steps', 'files', 'logs']
      .flatMap((folder) => readdirSync(join(records, folder)).map((name) => join(records, folder, name)))
      .reduce((all, path) => all + statSync(path).size, 0);
    const count = readdirSync(join(records, 'records')).length;
    const own = (await rows()).filter(({ holder }) => holder === 'build record');
    expect(own).toEqual([
      {
        ...{ id: 'builds', kind: 'builds', size: bytes, holder: 'build record', reclaimable: true, count },
        title: `${count} ${count === 1 ? 'build' : 'builds'} on record`,
      },
    ]);
    const { stdout } = await runCommand(du, [], { home: builds.home });
    expect(stdout).toMatch(new RegExp(`^Builds on record +${count} .* jettison builder prune --all `, 'm'));
    await runCommand(builder, ['prune', '-f', '--all'], { home: builds.home });
    expect((await rows()).filter(({ holder }) => holder === 'build record')).toEqual([]);
  });

  it('rejects an invalid size', async () => {
    const { error } = await runCommand(builder, ['prune', '-f', '--keep-storage', 'much'], {
      home: builds.home,
    });
    expect(error?.exitCode).toBe(2);
  });
});
