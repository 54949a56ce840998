import { type ChildProcess, spawn } from 'node:child_process';
import { statfsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findTool } from '../../src/machine/tools.ts';
import { findImage } from '../../src/store/lookup.ts';
import { verifyStore } from '../../src/store/verify.ts';
import { CLI, type Ended, ended, TestBuilds } from '../support/build.ts';
import { RUNG_BUILDS, stepLayers } from '../support/rung-builds.ts';
import { eventually, marker, processesWith, whyNoSandbox } from '../support/sandbox.ts';
import { sample } from '../support/thorough.ts';

/** What Docker leaves to the root of a container. */
const CAPABILITIES = (
  'chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service net_raw sys_chroot mknod ' +
  'audit_write setfcap'
).split(' ');
const REPRODUCIBLE = ['--network=host', '--reproducible', '--build-arg', 'SOURCE_DATE_EPOCH=1700000000'];
const IN_MEMORY = 0x01021994;

let why: string | undefined;
let here: TestBuilds;
let there: TestBuilds;

/** Starts the command with the rights that the root of an unprivileged container has. */
function startUnprivileged(
  args: readonly string[],
  capabilities: readonly string[] = CAPABILITIES,
): ChildProcess {
  const bounding = ['-all', ...capabilities.map((name) => `+${name}`)].join(',');
  return spawn(
    findTool('setpriv')!,
    [`--bounding-set=${bounding}`, '--inh-caps=-all', '--', process.execPath, CLI, ...args],
    {
      cwd: there.folder,
      detached: true,
      env: {
        PATH: process.env['PATH'],
        HOME: there.folder,
        JETTISON_HOME: there.home,
        container: 'test',
        KEY: 'k3y',
      },
    },
  );
}

function unprivileged(args: readonly string[], stdin = ''): Promise<Ended> {
  const child = startUnprivileged(args);
  child.stdin?.end(stdin);
  return ended(child);
}

function build(dockerfile: string, ...args: string[]): Promise<Ended> {
  return unprivileged(
    ['build', '--isolation', 'chroot', '--progress', 'plain', ...args, '-f', '-', there.context],
    dockerfile,
  );
}

beforeAll(async () => {
  why =
    whyNoSandbox() ??
    (process.getuid?.() !== 0 ? 'only root can give rights up and stay root' : undefined) ??
    (findTool('setpriv') === undefined ? 'setpriv is not installed' : undefined);
  if (why !== undefined) return;
  here = await TestBuilds.create({});
  there = await TestBuilds.create({});
  for (const builds of [here, there]) builds.write({ a: 'a', 'sub/b': 'b' });
});
afterAll(() => {
  here?.remove();
  there?.remove();
});
beforeEach((ctx) => {
  if (why !== undefined) ctx.skip(why);
});

describe('the rung chroot', () => {
  it.each(sample(RUNG_BUILDS, 2).map((one) => [one.name, one] as const))(
    'gives the layers of the rung namespaces: %s',
    async (name, { dockerfile, files = {} }) => {
      const tag = name.replaceAll(/\W/g, '-');
      for (const builds of [here, there]) builds.write(files);
      const { layers } = await here.build(dockerfile, {
        tags: [tag],
        isolation: 'namespaces',
        network: 'host',
        reproducible: true,
        buildArgs: { SOURCE_DATE_EPOCH: '1700000000' },
      });
      const { code, err } = await build(dockerfile, '-t', tag, ...REPRODUCIBLE);
      expect(code, err).toBe(0);
      expect(Object.keys(layers).length).toBeGreaterThan(0);
      const expected = stepLayers(here.store);
      for (const [definition, layer] of Object.entries(stepLayers(there.store))) {
        expect(layer).toEqual(expected[definition]);
      }
      expect(findImage(there.store, tag).manifest).toEqual(findImage(here.store, tag).manifest);
    },
  );

  it('leaves a valid store and nothing else', async () => {
    expect((await verifyStore(there.store)).problems).toEqual([]);
    expect(there.temporaries()).toEqual([]);
  });

  it('kills processes that a command leaves behind', async () => {
    const mark = marker();
    const { code, err } = await build(
      `FROM base\nRUN sleep ${mark} & (setsid sleep ${mark} >/dev/null 2>&1 &) ; setsid sh -c 'sleep ${mark} & sleep ${mark} & wait' & true\n`,
      '--no-cache',
    );
    expect(code, err).toBe(0);
    expect(processesWith(mark)).toEqual([]);
    const late = await build(
      `FROM base\nRUN trap "" TERM INT; (setsid sleep ${mark} &); sleep ${mark}\n`,
      '--timeout',
      '2s',
    );
    expect(late.err).toContain('did not end within 2 s');
    expect(processesWith(mark)).toEqual([]);
  });

  it.each(['SIGKILL', 'SIGINT'] as const)('nothing survives a build that gets %s', async (signal) => {
    const mark = marker();
    const child = startUnprivileged(['build', '--isolation', 'chroot', '-f', '-', there.context]);
    child.stdin?.end(`FROM base\nRUN (setsid sleep ${mark} &); sleep ${mark}\n`);
    await eventually('the command runs', () => processesWith(mark).length >= 2);
    child.kill(signal);
    await ended(child);
    await eventually('all of it is gone', () => processesWith(mark).length === 0);
    expect((await verifyStore(there.store)).problems).toEqual([]);
  });

  it('the next build kills processes whose keeper was killed', async () => {
    const mark = marker();
    const child = startUnprivileged(['build', '--isolation', 'chroot', '-f', '-', there.context]);
    child.stdin?.end(`FROM base\nRUN (setsid sleep ${mark} &); sleep ${mark}\n`);
    await eventually('the command runs', () => processesWith(mark).length >= 2);
    const own = new Set(processesWith(mark));
    for (const pid of processesWith(there.home)) if (!own.has(pid)) process.kill(pid, 'SIGKILL');
    child.kill('SIGKILL');
    await ended(child);
    const { code, err } = await build('FROM base\nRUN echo next >/next\n');
    expect(code, err).toBe(0);
    await eventually('all of it is gone', () => processesWith(mark).length === 0);
  });

  it('has no way out of the root, and no more rights than other rungs give', async () => {
    const { code, err } = await build(
      'FROM base\nRUN ! chroot / true 2>/dev/null && ! mount -t tmpfs x /tmp 2>/dev/null && test ! -e /proc/self && ls /\n' +
        `RUN test ! -e ${there.folder}\n`,
    );
    expect(code, err).toBe(0);
  });

  it('caches are updated after success and failure; until then the old content stays', async () => {
    const mount = '--mount=type=cache,id=kept,target=/c';
    expect(
      await build(
        `FROM base\nRUN ${mount} echo 1 >/c/one && chown 7:8 /c/one && ln -s one /c/l && ln /c/one /c/h\n`,
      ),
    ).toMatchObject({ code: 0 });
    expect(await build(`FROM base\nRUN ${mount} echo 2 >/c/two && exit 3\n`)).toMatchObject({ code: 1 });
    const part = '--mount=type=cache,id=kept,source=a/b,target=/c';
    const parts = `FROM base\nRUN ${part} echo 3 >/c/three\nRUN ${part} mkdir /c/sub && mv /c/three /c/sub\n`;
    expect(await build(`${parts}RUN ${mount} test -e /c/a/b/sub/three && rm -r /c/a\n`)).toMatchObject({
      code: 0,
    });
    const { code, err } = await build(
      `FROM base\nRUN ${mount} test "$(stat -c %u:%g:%h /c/one) $(cat /c/l /c/two | tr -d '\\n')" = "7:8:2 12" && rm /c/one\n` +
        'RUN --mount=type=cache,id=kept,target=/d,readonly test ! -e /d/one && echo gone >/d/ignored\n' +
        'RUN --mount=type=cache,id=kept,target=/e ls /e >/listing && cat /listing\n',
    );
    expect(code, err).toBe(0);
    expect(err).toMatch(/ h\n.* l\n.* two\n/);
    expect(err).not.toMatch(/^#\d+ [\d.]+ ignored$/m);
  });

  it('a secret is a variable, and a file only in memory', async () => {
    const secret = ['--secret', 'id=key,env=KEY'];
    const variable = await build(
      'FROM base\nRUN --mount=type=secret,id=key,env=GIVEN test "$GIVEN" = k3y\n',
      ...secret,
    );
    expect(variable.code, variable.err).toBe(0);
    const file = await build(
      'FROM base\nRUN --mount=type=secret,id=key test "$(cat /run/secrets/key)" = k3y\n',
      ...secret,
    );
    if (statfsSync(there.home).type === IN_MEMORY) {
      expect(file.code, file.err).toBe(0);
    } else {
      expect(file.code).toBe(1);
      expect(file.err).toContain('would have to write it to a disk');
      expect(file.err).toContain('env=NAME');
    }
  });

  it('an SSH agent is there', async () => {
    const socket = join(there.folder, 'agent');
    const server = createServer((client) => client.end('from the agent'));
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    try {
      const { code, err } = await build(
        'FROM base\nRUN --mount=type=ssh test -S "$SSH_AUTH_SOCK" && nc local:"$SSH_AUTH_SOCK" </dev/null || ls -l $SSH_AUTH_SOCK\n',
        '--ssh',
        `default=${socket}`,
      );
      expect(code, err).toBe(0);
    } finally {
      server.close();
    }
  });

  it.each([
    ['RUN --network=none true', [], 'a network of its own'],
    ['RUN --security=insecure true', ['--allow', 'security.insecure'], '--security=insecure'],
  ])('%s is refused, and says why', async (line, args, what) => {
    const { code, err } = await build(`# syntax=docker/dockerfile:1-labs\nFROM base\n${line}\n`, ...args);
    expect(code).toBe(1);
    expect(err).toContain(what);
    expect(err).toContain('chroot');
    expect(err).toContain('jettison doctor');
  });

  it('resource limits are set where the container allows it', async () => {
    const { code, err } = await build(
      'FROM base\nRUN ulimit -n >/n && test "$(cat /n)" = 77\n',
      '--ulimit',
      'nofile=77:99',
    );
    expect(code, err).toBe(0);
  });

  it('is refused to a root that could leave it', async () => {
    const { code, err } = await here.run(['build', '--isolation', 'chroot', '-f', '-', here.context], {
      stdin: 'FROM base\nRUN true\n',
    });
    expect(code).toBe(1);
    expect(err).toContain('CAP_SYS_ADMIN');
    const child = startUnprivileged(
      ['build', '--isolation', 'chroot', '-f', '-', there.context],
      CAPABILITIES.filter((name) => name !== 'kill'),
    );
    child.stdin?.end('FROM base\nRUN echo without >/x\n');
    const without = await ended(child);
    expect(without.code).toBe(1);
    expect(without.err).toContain('--cap-add KILL');
  });

  it('doctor says that it works', async () => {
    const { out } = await unprivileged(['doctor', '--json']);
    const { rungs } = JSON.parse(out) as { rungs: { name: string; usable: boolean; reason: string }[] };
    expect(rungs.find(({ name }) => name === 'chroot')).toMatchObject({ usable: true });
    const of = JSON.parse((await here.run(['doctor', '--json'])).out) as { rungs: typeof rungs };
    expect(of.rungs.find(({ name }) => name === 'chroot')).toMatchObject({ usable: false });
  });
});
