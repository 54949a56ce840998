import { spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ContainerState } from '../../src/store/containers.ts';
import { pidOf } from '../../src/store/process-identity.ts';
import { CLI, ended, remains, startCommand } from '../support/build.ts';
import { runCommandLine } from '../support/command-line.ts';
import { makeStore, type TestStore } from '../support/images.ts';
import { eventually, makeBaseImage, marker, openSandbox, processesWith } from '../support/sandbox.ts';
import { tempDir } from '../support/temp-dir.ts';
import { sample } from '../support/thorough.ts';

let test: TestStore;
let why: string | undefined;

beforeAll(async () => {
  const probe = await openSandbox();
  if (typeof probe === 'string') {
    why = probe;
    return;
  }
  await probe.close();
  test = makeStore();
  await makeBaseImage(test, 'base', { Cmd: ['/bin/sh', '-c', 'echo by default'], WorkingDir: '/home/node' });
  test.store.close();
});
afterAll(() => test?.remove());
beforeEach((ctx) => {
  if (why !== undefined) ctx.skip(why);
});
afterEach(async () => {
  if (why !== undefined) return;
  for (const { config } of test.store.containers.list()) await run('rm', '-f', config.id);
  await eventually('nothing is left', () => remains(test.home, test.home).length === 0);
  expect(readdirSync(test.store.layout.temporary)).toEqual([]);
});

const start = (...args: string[]) => startCommand(args, { home: test.home });
/** Commands that look at containers, or end them, and so need no process of their own. */
const IN_PROCESS = ['ps', 'logs', 'inspect', 'rm', 'stop', 'kill'];
const run = (...args: string[]) => {
  if (IN_PROCESS.includes(args[0]!)) {
    const env = { PATH: process.env['PATH'], JETTISON_HOME: test.home };
    return runCommandLine(args, { env, cwd: tmpdir() });
  }
  const child = start(...args);
  child.stdin?.end();
  return ended(child);
};
/** Runs a shell script in the background. */
const detach = async (name: string, script: string, ...flags: string[]) => {
  const { code, out, err } = await run('run', '-d', '--name', name, ...flags, 'base', 'sh', '-c', script);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return out.trim();
};
const stateOf = (id: string): ContainerState | undefined => test.store.containers.get(id)?.state;
const status = async (name: string) => {
  const { out } = await run('ps', '-a', '--json');
  return (JSON.parse(out) as { name: string; status: string }[]).find((one) => one.name === name)?.status;
};
/** Some shells ask the terminal where its cursor is. */
const PROMPT = /[#$] (\x1b\[6n)?$/;
const LOOP = 'while :; do sleep 0.05; done';

describe('a container in the background', () => {
  it('lives on, is listed, prints to its log, and is stopped', async () => {
    const id = await detach('web', `trap "echo bye; exit 3" TERM; echo hello; echo oops >&2; ${LOOP}`);
    await eventually('its trap is set', () => logOf('web').includes('oops'));
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect((await run('ps', '-q')).out).toBe(`${id.slice(0, 12)}\n`);
    expect((await run('ps')).out).toMatch(/base .*"sh -c.*Up .*web\n/);
    const following = ended(start('logs', '-f', 'web'));
    expect(await run('stop', 'web')).toMatchObject({ code: 0, out: 'web\n' });
    expect(await following).toMatchObject({ code: 0, out: 'hello\nbye\n', err: 'oops\n' });
    expect((await run('logs', '-n', '1', id.slice(0, 5))).out).toBe('bye\n');
    expect((await run('logs', '-t', 'web')).out).toMatch(/^\d{4}-\S+Z hello\n/);
    expect(await status('web')).toBe('exited');
    expect((await run('ps', '-a')).out).toContain('Exited (3)');
    expect((await run('ps', '-q')).out).toBe('');
    expect(await run('rm', 'web')).toMatchObject({ code: 0 });
    expect((await run('ps', '-aq')).out).toBe('');
  });

  it('that ignores the stop signal is killed with all its processes', async () => {
    const mark = marker();
    await detach('deaf', `trap "" TERM; (setsid sleep ${mark} &); sleep ${mark}; ${LOOP}`);
    await eventually('it has started others', () => processesWith(mark).length > 2);
    expect(await run('stop', '-t', '0', 'deaf')).toMatchObject({ code: 0 });
    expect(processesWith(mark)).toEqual([]);
    expect((await run('ps', '-a')).out).toContain('Exited (137)');
  });

  it('gets the stop signal of its choice, and other signals', async () => {
    await detach(
      'usr',
      `trap "echo usr" USR1; trap "echo int; exit 4" INT; echo ready; ${LOOP}`,
      '--stop-signal',
      'INT',
    );
    await eventually('it is ready', () =>
      existsSync(join(test.store.containers.folder(test.store.containers.list()[0]!.config.id), 'log')),
    );
    const following = ended(start('logs', '-f', 'usr'));
    await eventually('its trap is set', () => logOf('usr').includes('ready'));
    await run('kill', '-s', 'USR1', 'usr');
    await eventually('it heard that', () => logOf('usr').includes('usr'));
    await run('stop', 'usr');
    expect((await following).out).toBe('ready\nusr\nint\n');
    expect(await run('kill', 'usr')).toMatchObject({ code: 1, err: expect.stringContaining('not running') });
  });

  it('with --rm leaves nothing when it ends', async () => {
    const id = await detach('short', 'sleep 0.3', '--rm');
    await eventually('it is gone', () => stateOf(id) === undefined);
    expect(existsSync(test.store.containers.folder(id))).toBe(false);
  });

  it('reports at once that it cannot be run', async () => {
    expect(await run('run', '-d', 'base', 'nope')).toMatchObject({
      code: 127,
      err: expect.stringContaining('not found'),
    });
    expect(await run('run', '-d', '-u', 'ghost', 'base')).toMatchObject({
      code: 125,
      err: expect.stringContaining('ghost'),
    });
    expect(await run('run', '-dt', 'base')).toMatchObject({ code: 2 });
    expect(test.store.containers.list()).toHaveLength(1);
  });

  it('has a name of its own', async () => {
    await detach('one', LOOP);
    expect(await run('run', '--name', 'one', 'base')).toMatchObject({
      code: 125,
      err: expect.stringContaining('in use by'),
    });
    expect(await run('rm', 'one')).toMatchObject({ code: 1, err: expect.stringContaining('is running') });
    expect(await run('rm', '-f', 'one', 'two')).toMatchObject({ code: 0, out: 'one\n' });
  });

  it.each(sample(['supervisor', 'first', 'worker'] as const, 1))(
    'leaves nothing when its %s is killed',
    async (who) => {
      const mark = marker();
      const id = await detach('victim', `(setsid sleep ${mark} &); sleep ${mark}`);
      const { supervisor, first } = stateOf(id)!;
      const victims = {
        supervisor: pidOf(supervisor),
        first: pidOf(first!),
        worker: processesWith('worker.js').find((pid) => processesWith(test.home).includes(pid))!,
      };
      process.kill(victims[who], 'SIGKILL');
      await eventually(
        'all is gone',
        () => processesWith(mark).length === 0 && remains(test.home, test.home).length === 0,
      );
      expect(await status('victim')).toBe(who === 'supervisor' ? 'dead' : 'exited');
      expect(await run('exec', 'victim', 'true')).toMatchObject({
        code: 1,
        err: expect.stringContaining('not running'),
      });
      expect(await run('stop', 'victim')).toMatchObject({ code: 0 });
      expect(await run('rm', 'victim')).toMatchObject({ code: 0 });
    },
  );

  it('keeps the layers that it runs on from pruning', async () => {
    await detach('busy', LOOP);
    expect(await run('prune', '-af')).toMatchObject({ code: 0 });
    expect((await run('exec', 'busy', 'cat', '/usr/a')).out).toBe('a');
    await run('rm', '-f', 'busy');
    await makeBaseImage(test, 'base', {
      Cmd: ['/bin/sh', '-c', 'echo by default'],
      WorkingDir: '/home/node',
    });
    test.store.close();
  });

  it('is listed while it runs in the foreground, too', async () => {
    const child = start(
      'run',
      '--name',
      'front',
      'base',
      'sh',
      '-c',
      `trap "exit 5" TERM; echo ready; ${LOOP}`,
    );
    const end = ended(child);
    await new Promise((resolve) => child.stdout!.once('data', resolve));
    expect(await status('front')).toBe('running');
    expect(await run('logs', 'front')).toMatchObject({ code: 1, err: expect.stringContaining('foreground') });
    expect((await run('exec', 'front', 'echo', 'in')).out).toBe('in\n');
    await run('stop', 'front');
    expect(await end).toMatchObject({ code: 5 });
    expect(await status('front')).toBeUndefined();
  });
});

function logOf(name: string): string {
  const container = test.store.containers.list().find(({ config }) => config.name === name)!;
  const path = join(test.store.containers.folder(container.config.id), 'log');
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

describe('jettison exec', () => {
  it('runs a command beside the container’s, as who it is', async () => {
    await detach(
      'here',
      `echo own >/tmp/f; echo ready; ${LOOP}`,
      '-u',
      'node',
      '-e',
      'A=1',
      '-e',
      'LD_LIBRARY_PATH=/nowhere',
    );
    await eventually('its file is written', () => logOf('here').includes('ready'));
    const { out } = await run(
      'exec',
      '-e',
      'B=2',
      'here',
      'sh',
      '-c',
      'id -u; pwd; echo $A$B $LD_LIBRARY_PATH; cat /tmp/f; until ps -o comm | grep -m1 ^sleep; do :; done',
    );
    expect(out).toMatch(/^1000\n\/home\/node\n12 \/nowhere\nown\nsleep\n$/);
    expect((await run('exec', '-u', 'odd', '-w', '/tmp', 'here', 'sh', '-c', 'id -u; id -G; pwd')).out).toBe(
      '1001\n44 60\n/tmp\n',
    );
    expect(await run('exec', 'here', 'sh', '-c', 'exit 7')).toMatchObject({ code: 7 });
    expect(await run('exec', 'here', 'nope')).toMatchObject({ code: 127 });
    expect(await run('exec', 'nowhere', 'true')).toMatchObject({
      code: 1,
      err: expect.stringContaining('unknown container'),
    });
    expect(await run('exec', 'here')).toMatchObject({ code: 2 });
  });

  it('gives no more rights than the container has', async () => {
    await detach('plain', LOOP);
    await detach('hard', LOOP, '--hardened');
    const caps = ['grep', '-E', 'Cap(Eff|Bnd)|NoNew', '/proc/self/status'];
    expect((await run('exec', 'plain', ...caps)).out).toMatch(
      /CapEff:\t00000000a80405fb\nCapBnd:\t00000000a80405fb\nNoNewPrivs:\t0\n/,
    );
    expect((await run('exec', 'hard', ...caps)).out).toMatch(
      /CapEff:\t0{16}\nCapBnd:\t0{16}\nNoNewPrivs:\t1\n/,
    );
    expect(await run('exec', 'hard', 'touch', '/x')).toMatchObject({
      code: 1,
      err: expect.stringContaining('Read-only'),
    });
  });

  it('does not pass open files of its parent to the command', async () => {
    const fd = openSync('/', 'r');
    const stdio = [...Array<'pipe' | 'ignore'>(20).fill('ignore').fill('pipe', 1, 3), fd];
    const listed = (...args: string[]) =>
      ended(
        spawn(process.execPath, [CLI, ...args, 'ls', '/proc/self/fd'], {
          stdio,
          env: { JETTISON_HOME: test.home },
        }),
      );
    await detach('here', LOOP);
    expect((await listed('exec', 'here')).out).toBe('0\n1\n2\n3\n');
    expect((await listed('run', 'base')).out).toBe('0\n1\n2\n3\n');
    closeSync(fd);
  });

  it('hands on input and signals', async () => {
    await detach('here', LOOP);
    const child = start('exec', '-i', 'here', 'cat');
    child.stdin!.end('in\n');
    expect(await ended(child)).toMatchObject({ code: 0, out: 'in\n' });
    const waiting = start('exec', 'here', 'sh', '-c', `trap "echo got; exit 9" TERM; echo ready; ${LOOP}`);
    const end = ended(waiting);
    waiting.stdout!.once('data', () => waiting.kill('SIGTERM'));
    expect(await end).toMatchObject({ code: 9, out: 'ready\ngot\n' });
  });
});

describe('health checks', () => {
  const healthOf = async (name: string) => {
    const all = JSON.parse((await run('ps', '--json')).out) as {
      name: string;
      health: { status: string; log: { output: string; exitCode: number }[] } | null;
    }[];
    return all.find((one) => one.name === name)?.health;
  };
  const until = async (name: string, wanted: string) => {
    for (const latest = Date.now() + 60_000; Date.now() < latest; await sleep(50)) {
      const health = await healthOf(name);
      if (health?.status === wanted) return health;
    }
    throw new Error(`${name} never was ${wanted}`);
  };
  const often = ['--health-interval', '100ms', '--health-retries', '2'];

  it('tell how a container is', async () => {
    await detach('sick', LOOP, ...often, '--health-cmd', 'echo looking; test -e /tmp/ok');
    expect((await until('sick', 'unhealthy')).log[0]).toMatchObject({ output: 'looking\n', exitCode: 1 });
    expect((await run('ps')).out).toContain('(unhealthy)');
    await run('exec', 'sick', 'touch', '/tmp/ok');
    await until('sick', 'healthy');
    const seen = await run('inspect', '-f', '{{.Name}} {{.State.Running}} {{.State.Health.Status}}', 'sick');
    expect(seen).toMatchObject({ code: 0, out: '/sick true healthy\n' });
    expect(JSON.parse((await run('inspect', 'sick')).out)[0]).toMatchObject({ Config: { Image: 'base' } });
  });

  it('are killed when they take too long', async () => {
    const mark = marker();
    await detach('slow', LOOP, ...often, '--health-timeout', '200ms', '--health-cmd', `exec sleep ${mark}`);
    expect((await until('slow', 'unhealthy')).log[0]).toMatchObject({
      exitCode: -1,
      output: expect.stringContaining('longer'),
    });
  });

  it('can be left out', async () => {
    await detach('none', LOOP, '--health-cmd', 'true', '--no-healthcheck');
    expect(await healthOf('none')).toBeNull();
    const asked = await run('inspect', '-f', '{{if .State.Health}}x{{else}}unchecked{{end}}', 'none');
    expect(asked.out).toBe('unchecked\n');
  });
});

describe('confinement of containers', () => {
  it('with --hardened: nothing to the image, no rights, but /tmp', async () => {
    const ran = await run(
      'run',
      '--hardened',
      'base',
      'sh',
      '-c',
      'grep -E "CapBnd|NoNew" /proc/self/status; echo x >/tmp/x && cat /tmp/x; echo y >/home/node/y',
    );
    expect(ran).toMatchObject({ code: 1, out: 'CapBnd:\t0000000000000000\nNoNewPrivs:\t1\nx\n' });
    expect(ran.err).toMatch(/note: the command tried to write \/home\/node\/y, .*-v \/home\/node /);
    expect(
      await run(
        'run',
        '--hardened',
        '-u',
        'node',
        '-v',
        '/home/node',
        'base',
        'sh',
        '-c',
        'echo y >y && cat y',
      ),
    ).toMatchObject({ code: 0, out: 'y\n', err: '' });
    expect(
      await run('run', '--hardened', '-u', 'node', 'base', 'sh', '-c', 'id -u; yes | head -1; kill -TERM $$'),
    ).toMatchObject({ code: 143, out: '1000\ny\n' });
    expect(await run('run', '--hardened', 'base', 'nope')).toMatchObject({ code: 127 });
  });

  it('with --cap-drop and --cap-add', async () => {
    const bounding = async (...flags: string[]) =>
      (await run('run', ...flags, 'base', 'grep', 'CapBnd', '/proc/self/status')).out.trim().slice(-16);
    expect(await bounding('--cap-drop', 'ALL', '--cap-add', 'CHOWN')).toBe('0000000000000001');
    // In the machine's network nothing has NET_RAW, unless it is asked for.
    expect(await bounding('--cap-drop', 'MKNOD')).toBe('00000000a00405fb');
    expect(await bounding('--cap-drop', 'MKNOD', '--cap-add', 'NET_RAW')).toBe('00000000a00425fb');
    expect(await bounding('--cap-drop', 'setuid', '--cap-drop', 'CAP_MKNOD')).toBe('00000000a004057b');
    expect(await run('run', '--cap-drop', 'nope', 'base')).toMatchObject({ code: 2 });
  });

  it('with folders of this machine, and folders in memory', async () => {
    const folder = tempDir();
    mkdirSync(join(folder, 'in'));
    writeFileSync(join(folder, 'in/f'), 'from outside');
    const { out, err } = await run(
      'run',
      '--read-only',
      '-v',
      `${folder}/in:/data`,
      '-v',
      `${folder}/in:/ro:ro`,
      '-v',
      `${folder}/in/f:/etc/f`,
      '--tmpfs',
      '/m:size=1m,mode=700',
      'base',
      'sh',
      '-c',
      'cat /etc/f; echo x >/data/x; stat -c %a /m; df /m | tail -1 | grep -c 1024; touch /ro/y',
    );
    expect(out).toBe('from outside700\n1\n');
    expect(err).toContain('/ro/y');
    expect(readdirSync(join(folder, 'in')).sort()).toEqual(['f', 'x']);
  });

  it('with a limit of memory', async (ctx) => {
    const { code, err } = await run(
      'run',
      '-m',
      '20m',
      'base',
      'sh',
      '-c',
      'dd if=/dev/zero of=/dev/null bs=60M count=1',
    );
    if (err.includes('is not enforced')) return ctx.skip(err.trim());
    expect(code).not.toBe(0);
    expect(err).toContain('20971520 bytes');
  });

  it('and its variables come from a file', async () => {
    const file = join(test.home, 'variables');
    writeFileSync(file, '# comment\n\nA=1 2\n  B="3"\nNONE\n');
    expect(
      (await run('run', '--env-file', file, '-e', 'B=4', 'base', 'sh', '-c', 'echo "$A,$B,$NONE"')).out,
    ).toBe('1 2,4,\n');
    // Node 20 looks for that flag anywhere, and may complain first.
    expect(await run('run', '--env-file', '/no/such', 'base')).toMatchObject({
      code: expect.not.toSatisfy((code) => code === 0),
      err: expect.stringContaining('/no/such'),
    });
    rmSync(file);
  });

  it('with limits of its processes', async () => {
    const ran = await run(
      'run',
      '--ulimit',
      'nofile=99:100',
      '--shm-size',
      '1m',
      'base',
      'sh',
      '-c',
      'ulimit -n; df /dev/shm | grep -c 1024',
    );
    expect(ran).toMatchObject({ code: 0, out: '99\n1\n', err: '' });
    expect(await run('run', '--cap-add', 'SYS_PTRACE', 'base', 'true')).toMatchObject({
      code: 0,
      err: expect.stringContaining('SYS_PTRACE can leave'),
    });
  });

  it('orphans are reaped', async () => {
    await detach('orphans', `for i in 1 2 3; do (sleep 0.1 &); done; ${LOOP}`, '--init');
    await eventually('they are gone', () => true);
    await run('exec', 'orphans', 'sleep', '0.3');
    expect((await run('exec', 'orphans', 'sh', '-c', 'ps -o stat | grep -c Z')).out).toBe('0\n');
  });

  it('rejects invalid options', async () => {
    for (const flags of [
      ['--security-opt', 'seccomp=/profile.json'],
      ['--security-opt', 'label=disable'],
      ['--network', 'mine'],
      ['-m', 'x'],
      ['--cpus', '0'],
      ['--health-interval', '1us'],
    ]) {
      expect(await run('run', ...flags, 'base')).toMatchObject({ code: 2 });
    }
    expect(
      await run(
        'run',
        '--security-opt',
        'seccomp=unconfined',
        '--security-opt',
        'no-new-privileges',
        'base',
        'grep',
        'NoNew',
        '/proc/self/status',
      ),
    ).toMatchObject({ code: 0, out: 'NoNewPrivs:\t1\n' });
  });
});

describe('a container with a seccomp profile', () => {
  const builtin = ['--security-opt', 'seccomp=builtin'];
  let without: string | undefined;
  beforeAll(async () => {
    if (why !== undefined) return;
    const probe = await openSandbox({ rung: 'oci' });
    if (typeof probe === 'string') without = probe;
    else await probe.close();
  });
  beforeEach((ctx) => {
    if (without !== undefined) ctx.skip(without);
  });
  const SHOW = 'grep Seccomp: /proc/self/status; unshare -U true 2>/dev/null; echo $?';

  it('runs a command behind it, as it does without being asked', async () => {
    expect(await run('run', ...builtin, 'base', 'sh', '-c', SHOW)).toMatchObject({
      code: 0,
      out: 'Seccomp:\t2\n1\n',
      err: '',
    });
    expect((await run('run', 'base', 'sh', '-c', SHOW)).out).toContain('Seccomp:\t2\n');
    expect((await run('run', '--hardened', ...builtin, 'base', 'sh', '-c', SHOW)).out).toContain(
      'Seccomp:\t2\n',
    );
    const open = ['--security-opt', 'seccomp=unconfined'];
    expect((await run('run', ...open, 'base', 'sh', '-c', SHOW)).out).toContain('Seccomp:\t0\n');
  });

  it('takes one of one’s own', async () => {
    const path = join(test.home, 'profile.json');
    const rules = [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 28 }];
    writeFileSync(path, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: rules }));
    const ran = await run('run', '--security-opt', `seccomp=${path}`, 'base', 'mkdir', '/x');
    expect(ran).toMatchObject({ code: 1, err: expect.stringContaining('No space left on device') });
    writeFileSync(path, '{}');
    expect(await run('run', '--security-opt', `seccomp=${path}`, 'base', 'true')).toMatchObject({
      code: 125,
      err: expect.stringContaining('invalid seccomp profile'),
    });
    rmSync(path);
  });

  it('holds for exec and health checks, and stop reaches it', async () => {
    const script = 'trap "exit 9" TERM; while :; do sleep 0.05; done';
    const flags = [
      ...builtin,
      '--health-cmd',
      'grep -q "Seccomp:.*2" /proc/self/status',
      '--health-interval',
      '100ms',
    ];
    const id = await detach('filtered', script, ...flags);
    const inside = await run(
      'exec',
      '-u',
      'node',
      '-w',
      '/tmp',
      '-e',
      'A=b',
      'filtered',
      'sh',
      '-c',
      `id -u; pwd; echo $A; ${SHOW}`,
    );
    expect(inside).toMatchObject({ code: 0, out: '1000\n/tmp\nb\nSeccomp:\t2\n1\n', err: '' });
    expect(await run('exec', 'filtered', 'sh', '-c', 'exit 5')).toMatchObject({ code: 5 });
    const child = start('exec', '-i', 'filtered', 'cat');
    child.stdin!.end('typed');
    expect(await ended(child)).toMatchObject({ code: 0, out: 'typed' });
    await eventually('it is healthy', () => stateOf(id)?.health?.status === 'healthy');
    expect((await run('stop', 'filtered')).code).toBe(0);
    expect((await run('ps', '-a')).out).toContain('Exited (9)');
  });

  it('gives a further shell the terminal, and takes it back', async (ctx) => {
    const script = ['/usr/bin/script', '/bin/script'].find((path) => existsSync(path));
    if (script === undefined) return ctx.skip('script (bsdutils) is not installed');
    await detach('host-of-shells', 'sleep 1000');
    const command = `sh -c '${process.execPath} ${CLI} exec -it host-of-shells sh; echo ended; read line; echo "then $line"'`;
    const child = spawn(script, ['-qec', command, '/dev/null'], {
      env: { PATH: process.env['PATH'], JETTISON_HOME: test.home, SHELL: '/bin/sh' },
    });
    let out = '';
    child.stdout.on('data', (data: Buffer) => {
      const isFirst = !PROMPT.test(out);
      out += data.toString();
      if (isFirst && PROMPT.test(out)) child.stdin.write('echo "[$-]"; exit\n');
      // What is typed before that is for the shell.
      if (out.endsWith('ended\r\n')) child.stdin.write('read\n');
    });
    await new Promise((resolve) => child.once('close', resolve));
    expect(out).toMatch(/\r\n\[(?=\w*i)(?=\w*m)\w+\]\r\n/);
    expect(out).toContain('then read');
    expect(out).not.toMatch(/tty process group|access tty|job control/);
    await run('rm', '-f', 'host-of-shells');
  });

  it('gets a terminal of its own', async (ctx) => {
    const script = ['/usr/bin/script', '/bin/script'].find((path) => existsSync(path));
    if (script === undefined) return ctx.skip('script (bsdutils) is not installed');
    const command = `${process.execPath} ${CLI} run -it --security-opt seccomp=builtin base sh -c 'tty && read line && echo got $line && exit 6'`;
    const child = spawn(script, ['--quiet', '--return', '--command', command, '/dev/null'], {
      env: { PATH: process.env['PATH'], JETTISON_HOME: test.home, SHELL: '/bin/sh' },
    });
    let out = '';
    child.stdout.on('data', (data: Buffer) => {
      if (out === '') child.stdin.write('typed\n');
      out += data.toString();
    });
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect({ code, out }).toMatchObject({
      code: 6,
      out: expect.stringMatching(/\/dev\/pts\/0\r\n(.*\r\n)*got typed\r\n/),
    });
  });
});
