import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findTool } from '../../src/machine/tools.ts';
import { CLI, TestBuilds } from '../support/build.ts';
import { openSandbox, whyNoSandbox } from '../support/sandbox.ts';

let why: string | undefined;
let builds: TestBuilds;

beforeAll(async () => {
  why = whyNoSandbox() ?? (process.getuid?.() === 0 ? undefined : 'only root can hide programs');
  if (why !== undefined) return;
  const sandbox = await openSandbox({ rung: 'oci' });
  if (typeof sandbox === 'string') why = sandbox;
  else await sandbox.close();
  builds = await TestBuilds.create({});
});
afterAll(() => builds?.remove());
beforeEach((ctx) => {
  if (why !== undefined) ctx.skip(why);
});

/** Runs commands where some programs do nothing but fail. @returns what each printed, and its exit code */
function without(
  broken: readonly ('crun' | 'runc')[],
  ...commands: string[][]
): { text: string; code: number }[] {
  const hidden = broken.flatMap((name) => findTool(name) ?? []);
  const script = hidden.map((path) => `mount --bind /bin/false ${path} && `).join('');
  return commands.map((args) => {
    const { stdout, stderr, status } = spawnSync(
      'unshare',
      [
        '--mount',
        '--propagation',
        'private',
        'sh',
        '-c',
        `${script}exec "$@"`,
        'sh',
        process.execPath,
        CLI,
        ...args,
      ],
      {
        env: { PATH: process.env['PATH'], JETTISON_HOME: builds.home },
        input: 'FROM base\nRUN true\n',
        encoding: 'utf8',
      },
    );
    return { text: stdout + stderr, code: status! };
  });
}

describe('a program that is named relative to the working directory', () => {
  it.each(['oci', 'namespaces'] as const)(
    'is called so, with the filter of others, on %s',
    async (isolation) => {
      builds.write({ script: '#!/bin/sh\necho "called $0 $(grep Seccomp: /proc/self/status)"\n' });
      const { output } = await builds.build(
        'FROM base\nWORKDIR /w\nCOPY --chmod=755 script script\nRUN ["./script"]\nRUN ["../w/script"]\nRUN ["/w/script"]\n',
        { isolation, noCache: true },
      );
      const filter = (name: string) => new RegExp(`called ${name} Seccomp:\\s+(\\d)`).exec(output)?.[1];
      expect(filter('/w/script')).toBeDefined();
      expect(filter('\\./script')).toBe(filter('/w/script'));
      expect(filter('\\.\\./w/script')).toBe(filter('/w/script'));
    },
  );
});

describe('the rung that a build stands on', () => {
  const build = (rung: string) => [
    ...['build', '--no-cache', '--progress=plain', `--isolation=${rung}`, '-f', '-', builds.context],
  ];

  it('is the next one where runtimes are installed and do not work; that is said once', () => {
    const [first, second] = without(['crun', 'runc'], build('auto'), build('auto'));
    expect(first).toMatchObject({ code: 0 });
    const missing = (['crun', 'runc'] as const).filter((name) => findTool(name) !== undefined);
    for (const name of missing) expect(first!.text).toContain(`warning: ${name} does not work here: `);
    expect(second).toEqual({ code: 0, text: expect.not.stringContaining('does not work') });
  });

  it('is tried again when the machine has changed', () => {
    const [back] = without([], build('oci'));
    expect(back).toMatchObject({ code: 0 });
  });

  it('is refused with the reason when it was asked for and does not work', () => {
    const [asked, doctor] = without(['crun', 'runc'], build('oci'), ['doctor']);
    expect(asked).toMatchObject({
      code: 1,
      text: expect.stringContaining('--isolation oci does not work here: '),
    });
    expect(asked!.text).not.toContain('    at ');
    expect(doctor!.text).toMatch(/✗ oci {9}\w+ does not work here: it fails without a message/);
    expect(doctor!.text).toContain('uses the rung "namespaces"');
  });

  it('is not remembered when a shortage kept it from being tried', () => {
    const limited = (limit: string) =>
      spawnSync('sh', ['-c', `ulimit ${limit}; exec "$@"`, 'sh', process.execPath, CLI, ...build('auto')], {
        env: { PATH: process.env['PATH'], JETTISON_HOME: builds.home },
        input: 'FROM base\nRUN true\n',
        encoding: 'utf8',
      });
    for (const limit of ['-n 20', '-n 24', '-n 30', '-n 40']) {
      rmSync(builds.store.layout.rungs, { force: true });
      const { stdout, stderr, status } = limited(limit);
      if (status !== 0) expect(stdout + stderr).toMatch(/EMFILE|[Oo]pen files/);
      const [normal, doctor] = without([], build('auto'), ['doctor']);
      expect(normal).toMatchObject({ code: 0, text: expect.not.stringContaining('shortage') });
      expect(doctor!.text).toContain('uses the rung "oci"');
    }
  });

  it('rejects an unknown rung', () => {
    expect(without([], build('nonsense'))[0]).toMatchObject({
      code: 2,
      text: expect.stringContaining('auto, oci, namespaces, chroot and none'),
    });
  });
});
