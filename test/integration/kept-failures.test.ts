import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { command as du } from '../../src/cli/commands/du.ts';
import { command as prune } from '../../src/cli/commands/prune.ts';
import { failureDirectory, failurePath, listFailures } from '../../src/store/failures.ts';
import { verifyStore } from '../../src/store/verify.ts';
import { TestBuilds } from '../support/build.ts';
import { runCommand } from '../support/images.ts';
import { whyNoSandbox } from '../support/sandbox.ts';

const why = whyNoSandbox();
let builds: TestBuilds;

beforeAll(async () => {
  if (why === undefined) builds = await TestBuilds.create({});
});
afterAll(() => builds?.remove());

describe.skipIf(why)('what a failed RUN leaves', () => {
  const failures = () => listFailures(builds.store.layout);

  it("is kept with the step's facts, without its secrets", async () => {
    const secret = 'marked-secret-of-a-failed-step';
    const failure = await builds.failure(
      [
        'FROM base',
        'ARG TOKEN',
        'RUN --mount=type=secret,id=key,target=/key --mount=type=tmpfs,target=/scratch \\',
        '    cat /key > /scratch/copy; echo left > /left; rm /usr/a; exit 7',
      ].join('\n'),
      { secrets: { key: { value: secret } }, buildArgs: { TOKEN: `${secret}-too` } },
    );
    expect(failure).toMatchObject({ code: 'RUN_FAILED', details: { exitCode: 7 } });
    const [kept] = failures();
    expect(kept).toMatchObject({ id: failure.details!['kept'], exitCode: 7, line: 3, stage: 'stage-0' });
    const folder = failureDirectory(builds.store.layout, kept!.id)!;
    expect(readFileSync(join(folder, 'left'), 'utf8')).toBe('left\n');
    expect(existsSync(join(folder, 'key'))).toBe(false);
    const found = execFileSync('sh', ['-c', 'grep -rl "$1" "$2" || :', 'sh', secret, join(folder, '..')]);
    expect(found.toString()).toBe('');
    expect(builds.temporaries()).toEqual([]);
    expect((await verifyStore(builds.store)).problems).toEqual([]);
  });

  it('is kept of steps that took too long, and of commands that do not exist', async () => {
    const late = await builds.failure('FROM base\nRUN echo 1 > /late; sleep 60\n', { timeout: 500 });
    expect(late.code).toBe('RUN_TIMEOUT');
    expect(failures()[0]).toMatchObject({ timedOut: true });
    expect(existsSync(join(failureDirectory(builds.store.layout, failures()[0]!.id)!, 'late'))).toBe(true);
    await builds.failure('FROM base\nRUN ["/nothing"]\n');
    expect(failures()[0]).toMatchObject({ exitCode: 127 });
    expect(failureDirectory(builds.store.layout, failures()[0]!.id)).toBeUndefined();
  });

  it('is kept once for each step, and only of the latest few', async () => {
    for (const step of [1, 2, 3, 3, 4, 5]) await builds.failure(`FROM base\nRUN echo ${step}; false\n`);
    expect(failures().map(({ title }) => title)).toEqual(
      [5, 4, 3, 2].map((step) => `RUN echo ${step}; false`),
    );
  });

  it('goes when it is old', async () => {
    const [latest] = failures();
    const path = failurePath(builds.store.layout, latest!.id);
    const record = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify({ ...record, created: '2020-01-01T00:00:00.000Z' }));
    await builds.build(`FROM base\nRUN true ${Math.random()}\n`);
    expect(failures().map(({ id }) => id)).not.toContain(latest!.id);
  });

  it('is shown by du, and goes with prune', async () => {
    await builds.failure('FROM base\nRUN head -c 3000000 /dev/zero > /big; false\n');
    const { stdout } = await runCommand(du, [], { home: builds.home });
    expect(stdout).toMatch(/^Failed steps +\d +3MB +3MB +jettison prune/m);
    await runCommand(prune, ['-f', '--filter', 'until=1h'], { home: builds.home });
    expect(failures()).not.toEqual([]);
    const pruned = await runCommand(prune, ['-f'], { home: builds.home });
    expect(pruned.stdout).toMatch(/^Deleted the files of \d failed steps\nTotal reclaimed space: 3MB\n/m);
    expect(failures()).toEqual([]);
  });
});
