import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { networkHelper } from '../../src/machine/network-helper.ts';
import { removeTree } from '../../src/store/remove-tree.ts';
import { CLI, ended } from '../support/build.ts';
import { makeStore, type TestStore } from '../support/images.ts';
import { eventually, makeBaseImage, marker, openSandbox, processesWith } from '../support/sandbox.ts';
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
  await makeBaseImage(test, 'base', { Cmd: ['/bin/sh', '-c', 'echo by default'] });
  await makeBaseImage(test, 'app', {
    Entrypoint: ['/bin/echo', 'entry'],
    Cmd: ['cmd'],
    Env: ['PATH=/bin', 'A=image'],
    User: 'node',
    WorkingDir: '/home/node',
  });
});
afterAll(() => test?.remove());
beforeEach((ctx) => {
  if (why !== undefined) ctx.skip(why);
});

const env = (more: NodeJS.ProcessEnv = {}) => ({
  PATH: process.env['PATH'],
  JETTISON_HOME: test.home,
  ...more,
});

/** Runs the command; gives its exit code and what it wrote. */
function start(args: string[], more: NodeJS.ProcessEnv = {}) {
  return spawn(process.execPath, [CLI, 'run', ...args], { env: env(more), stdio: 'pipe' });
}

function run(args: string[], options: { input?: string; env?: NodeJS.ProcessEnv } = {}) {
  const child = start(args, options.env);
  child.stdin.end(options.input ?? '');
  return ended(child);
}

describe('jettison run', () => {
  it("runs the image's command, or that of the command line", async () => {
    expect(await run(['base'])).toMatchObject({ code: 0, out: 'by default\n', err: '' });
    expect(await run(['--rm', 'app'])).toMatchObject({ code: 0, out: 'entry cmd\n', err: '' });
    expect(await run(['app', '-n', '--help'])).toMatchObject({ out: 'entry -n --help\n' });
    expect(await run(['--entrypoint', 'pwd', 'app'])).toMatchObject({ out: '/home/node\n' });
    expect(await run(['-w', '/tmp', '--entrypoint=sh', 'app', '-c', 'pwd; id -un'])).toMatchObject({
      out: '/tmp\nnode\n',
    });
    expect(await run(['-u', '0', '--entrypoint', 'id', 'app', '-u'])).toMatchObject({ out: '0\n' });
  });

  it('sets variables, also those of this shell', async () => {
    const print = [
      '--entrypoint',
      'sh',
      'app',
      '-c',
      'echo $A,$B,$C,$D; test "$HOSTNAME" = "$(hostname)" && echo named',
    ];
    const { out } = await run(['-e', 'A=line', '--env', 'B', '-e', 'C=x=y', '-e', 'D', ...print], {
      env: { B: 'shell' },
    });
    expect(out).toBe('line,shell,x=y,\nnamed\n');
  });

  it('gives back the exit code', async () => {
    expect(await run(['base', 'sh', '-c', 'exit 42'])).toMatchObject({ code: 42 });
    expect(await run(['base', 'sh', '-c', 'kill -KILL $$'])).toMatchObject({ code: 137 });
    expect(await run(['base', '/etc/passwd'])).toMatchObject({
      code: 126,
      err: expect.stringContaining('permission denied'),
    });
    expect(await run(['base', 'nope'])).toMatchObject({
      code: 127,
      err: expect.stringContaining('not found'),
    });
    expect(await run(['nope'])).toMatchObject({
      code: 125,
      err: expect.stringContaining('there is no image'),
    });
    expect(await run(['-u', 'ghost', 'base'])).toMatchObject({
      code: 125,
      err: expect.stringContaining('ghost'),
    });
    expect(await run([])).toMatchObject({ code: 2 });
    expect(await run(['--nope', 'base'])).toMatchObject({ code: 2, err: expect.stringContaining('--nope') });
    expect(await run(['-it', 'base'])).toMatchObject({
      code: 125,
      err: expect.stringContaining('not a TTY'),
    });
  });

  it('hands standard input on with -i only', async () => {
    expect(await run(['-i', 'base', 'cat'], { input: 'in\n' })).toMatchObject({ code: 0, out: 'in\n' });
    expect(await run(['base', 'cat'], { input: 'in\n' })).toMatchObject({ code: 0, out: '' });
  });

  it('throws changes away', async () => {
    expect(await run(['base', 'sh', '-c', 'echo >/x; rm /usr/a; ls /x'])).toMatchObject({ out: '/x\n' });
    expect(await run(['base', 'ls', '/x', '/usr/a'])).toMatchObject({ code: 1, out: '/usr/a\n' });
  });

  it('notes once that ports cannot be published', async () => {
    const { out, err } = await run(['-p', '43000:43000', '-p', '48080:80/tcp', 'base']);
    expect({ out, code: (await run(['-p', 'x', 'base'])).code }).toEqual({ out: 'by default\n', code: 2 });
    if ('missing' in networkHelper()) {
      expect(err.match(/note:/g)).toHaveLength(1);
      expect(err).toContain('80 is not moved to 48080');
    } else {
      expect(err).toBe('');
    }
  });

  it('has no network when asked to', async () => {
    const { out } = await run([
      '--network',
      'none',
      'base',
      'sh',
      '-c',
      'tail -n +3 /proc/net/dev | grep -vc lo:',
    ]);
    expect(out).toBe('0\n');
  });

  it.each(sample(['SIGTERM', 'SIGINT', 'SIGUSR1'] as const, 1))('passes %s on', async (signal) => {
    const script = `trap "echo got; exit 9" ${signal.slice(3)}; echo ready; while :; do sleep 0.05; done`;
    const child = start(['base', 'sh', '-c', script]);
    child.stdout.once('data', () => child.kill(signal));
    expect(await ended(child)).toMatchObject({ code: 9, out: 'ready\ngot\n' });
  });

  it('kills a command that does not listen at the third request', async () => {
    const mark = marker();
    const child = start(['base', 'sh', '-c', `trap "" TERM INT; echo ready; sleep ${mark}`]);
    child.stdout.once('data', () => {
      for (const delay of [0, 200, 400]) setTimeout(() => child.kill('SIGTERM'), delay);
    });
    expect(await ended(child)).toMatchObject({ code: 125, err: expect.stringContaining('killed') });
    expect(processesWith(mark)).toEqual([]);
  });

  it('leaves nothing when it is killed', async () => {
    const mark = marker();
    const child = start(['base', 'sh', '-c', `(setsid sleep ${mark} &); echo ready; sleep ${mark}`]);
    child.stdout.once('data', () => child.kill('SIGKILL'));
    expect(await ended(child)).toMatchObject({ signal: 'SIGKILL' });
    await eventually('the command is gone', () => processesWith(mark).length === 0);
  });

  it('ends without an error when its output is closed', async () => {
    const child = start(['base', 'yes']);
    child.stdout.once('data', () => child.stdout.destroy());
    expect(await ended(child)).toMatchObject({ code: 141, err: '' });
  });

  it('starts a note on a new line after unfinished output', async () => {
    const complaint = 'printf "EROFS: read-only file system, open \'/x/y\'" >&2; exit 3';
    expect(await run(['--read-only', 'base', 'sh', '-c', complaint])).toMatchObject({
      code: 3,
      err: expect.stringContaining("'/x/y'\nnote: the command tried to write /x/y"),
    });
  });

  it('gives the command the terminal with -t', async (ctx) => {
    const script = ['/usr/bin/script', '/bin/script'].find((path) => existsSync(path));
    if (script === undefined) return ctx.skip('script (bsdutils) is not installed');
    const command = `${process.execPath} ${CLI} run -it base sh -c 'test -t 0 && test -t 1 && tty && read line && echo got $line && exit 6'`;
    const ran = spawnSync(script, ['--quiet', '--return', '--command', command, '/dev/null'], {
      env: { ...env(), SHELL: '/bin/sh' },
      input: 'typed\n',
      encoding: 'utf8',
    });
    expect({ status: ran.status, stdout: ran.stdout }).toMatchObject({
      status: 6,
      stdout: expect.stringMatching(/\/dev\/pts\/0\r\n(.*\r\n)*got typed\r\n/),
    });
  });

  it('unpacks directories again that prune deleted', async () => {
    for (const id of test.store.layers.ids()) removeTree(test.store.layout.layer(id));
    expect(await run(['base'])).toMatchObject({ code: 0, out: 'by default\n' });
  });
});
