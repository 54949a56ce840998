import type { ChildProcess } from 'node:child_process';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ended, TestBuilds } from '../support/build.ts';
import { eventually, whyNoSandbox } from '../support/sandbox.ts';

let builds: TestBuilds;

beforeAll(async () => {
  builds = await TestBuilds.create();
});
afterAll(() => builds.remove());

/** A command that goes on until it is interrupted. */
function follow(child: ChildProcess) {
  let text = '';
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding('utf8').on('data', (data) => {
      text += data;
    });
  }
  return {
    /** Waits until the command has printed a text since the last call. @returns all that it printed since */
    async prints(expected: string): Promise<string> {
      await eventually(`"${expected}" in ${text}`, () => text.includes(expected));
      const since = text;
      text = '';
      return since;
    },
    async interrupt() {
      child.kill('SIGINT');
      return (await ended(child)).code;
    },
  };
}

const WATCHING = 'Watching context for changes';
const build = (...args: string[]) => follow(builds.start(['build', '--watch', ...args, 'context']));
const idOf = (name: string) => builds.store.images.get(`docker.io/library/${name}:latest`)?.manifest.digest;

describe('build --watch', () => {
  it('builds again after a change, keeps the last good image, and ends with Ctrl-C', async () => {
    builds.write({ Dockerfile: 'FROM scratch\nCOPY src /\n', '.dockerignore': 'notes\n', 'src/a': '1' });
    const written = ['--iidfile', 'context/src/id', '-o', 'type=oci,dest=context/src/image.tar'];
    const watch = build('-t', 'app', ...written, '-o', 'type=image');
    await watch.prints(WATCHING);
    const first = idOf('app');

    builds.write({ notes: 'excluded', 'src/new/b': 'in a new directory' });
    expect(await watch.prints(WATCHING)).toContain('context/src/new changed.');
    builds.write({ 'src/new/b': 'changed' });
    expect(await watch.prints(WATCHING)).toMatch(
      /context\/src\/new\/b changed\.[\s\S]*because src\/new\/b changed/,
    );
    const good = idOf('app');
    expect(good).not.toBe(first);

    builds.write({ Dockerfile: 'FROM scratch\nCOPY missing /\n' });
    expect(await watch.prints(WATCHING)).toContain('error: "missing" does not exist in the build context');
    expect(idOf('app')).toBe(good);
    builds.write({ Dockerfile: 'FROM scratch\nCOPY src /\nLABEL a=b\n' });
    expect(await watch.prints(WATCHING)).toContain('context/Dockerfile changed.');
    expect(idOf('app')).not.toBe(good);
    expect(await watch.interrupt()).toBe(130);
  });

  it('prints the ids alone with --quiet', async () => {
    builds.write({ Dockerfile: 'FROM scratch\nCOPY src /\n', 'src/a': '1' });
    const watch = build('-q');
    expect(await watch.prints('sha256:')).toMatch(/^sha256:[0-9a-f]{64}\n$/);
    builds.write({ 'src/a': '2' });
    expect(await watch.prints('sha256:')).toMatch(/^sha256:[0-9a-f]{64}\n$/);
    expect(await watch.interrupt()).toBe(130);
  });

  it('rejects a context that is not a directory, and errors of the command line', async () => {
    expect(await builds.command(['build', '--watch', '-'], { stdin: 'FROM scratch' })).toMatchObject({
      code: 2,
      err: expect.stringContaining('--watch needs a context that is a directory'),
    });
    expect(await builds.command(['build', '--watch', '-o', 'type=oci,dest=-', 'context'])).toMatchObject({
      code: 2,
    });
  });
});

describe('run --watch', () => {
  beforeEach((ctx) => {
    const why = whyNoSandbox();
    if (why !== undefined) ctx.skip(why);
  });

  it('waits for the first build, restarts after each, and ends with the command', async () => {
    await builds.addBase('base');
    const dockerfile = (version: string) =>
      `FROM base\nENV VERSION=${version}\nCMD ["sh", "-c", "echo runs $VERSION; while :; do sleep 0.1; done"]\n`;
    const watch = follow(builds.start(['run', '--watch', 'service']));
    await watch.prints('Waiting for a build of service');
    await builds.build(dockerfile('one'), { tags: ['service'] });
    await watch.prints('runs one');
    await builds.build(dockerfile('two'), { tags: ['service'] });
    expect(await watch.prints('runs two')).toContain('service was built anew: restarting it.');
    await builds.build('FROM base\nCMD ["sh", "-c", "echo ends; exit 3"]\n', { tags: ['service'] });
    await watch.prints('service exited with 3. Waiting for its next build');
    await builds.build(dockerfile('three'), { tags: ['service'] });
    await watch.prints('runs three');
    expect(await watch.interrupt()).toBe(130);
    expect(builds.store.containers.list()).toEqual([]);
  });

  it('rejects ids and a container in the background', async () => {
    for (const args of [['sha256:0123456789ab'], ['-d', 'service']]) {
      expect(await builds.command(['run', '--watch', ...args])).toMatchObject({ code: 2 });
    }
  });
});
