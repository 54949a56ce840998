import { spawn } from 'node:child_process';
import { chownSync, copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listFailures } from '../../src/store/failures.ts';
import { CLI, type Ended, ended, otherUser, startCommand, TestBuilds } from '../support/build.ts';
import { copyCommand, eventually, marker, processesWith, whyNoSandbox } from '../support/sandbox.ts';
import { tempDir } from '../support/temp-dir.ts';

const why = whyNoSandbox();
const SCRIPT = ['/usr/bin/script', '/bin/script'].find((path) => existsSync(path));
let builds: TestBuilds;

beforeAll(async () => {
  if (why === undefined) builds = await TestBuilds.create({});
});
afterAll(() => builds?.remove());

/** A context of its own, so that every test has its own last failure. */
function project(name: string, dockerfile: string): string {
  const folder = join(builds.folder, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'Dockerfile'), dockerfile);
  return folder;
}

const jettison = (cwd: string, ...args: string[]): Promise<Ended> => builds.run(args, { cwd });

describe.skipIf(why)('jettison debug', () => {
  it('opens at the last failed RUN, with its changes, mounts, environment, user and directory', async () => {
    const folder = project(
      'fails',
      [
        'FROM base',
        'ARG VERSION=1',
        'ENV MODE=test',
        'USER node',
        'WORKDIR /home/node',
        'RUN --mount=type=tmpfs,target=/scratch --mount=type=cache,target=/cache,uid=1000 \\',
        '    --mount=type=bind,source=Dockerfile,target=/given \\',
        '    echo kept > /cache/file; echo left > left; exit 3',
      ].join('\n'),
    );
    const built = await jettison(folder, 'build', '.');
    expect(built).toMatchObject({ code: 1, err: expect.stringContaining('hint: `jettison debug` opens') });
    const command =
      'cat left /cache/file; id -un; pwd; echo $VERSION $MODE; wc -l < /given; touch /scratch/x; rm left; exit 9';
    const there = await jettison(folder, 'debug', '-c', command);
    expect(there).toMatchObject({
      code: 9,
      out: 'left\nkept\nnode\n/home/node\n1 test\n7\n',
      err: expect.not.stringMatching(/^error/m),
    });
    // What was done there is gone.
    expect(await jettison(folder, 'debug', '--', 'cat', 'left')).toMatchObject({ code: 0, out: 'left\n' });
    expect(builds.temporaries()).toEqual([]);
  });

  it('builds up to the step that fails when it has not failed yet', async () => {
    const folder = project('fresh', 'FROM base\nRUN echo one > /one\nRUN echo two > /two; false\n');
    const there = await jettison(folder, 'debug', '-c', 'cat /one /two', '.');
    expect(there).toMatchObject({ code: 0, out: 'one\ntwo\n', err: expect.stringContaining('exit code 1') });
  });

  it('stops before or after any RUN', async () => {
    const folder = project(
      'steps',
      [
        'FROM base AS one',
        'RUN echo 1 > /file',
        'RUN echo 2 > /file \\',
        '    && true',
        'FROM base',
        'COPY --from=one /file /',
        'RUN test -f /file',
      ].join('\n'),
    );
    const look = (...args: string[]) => jettison(folder, 'debug', '-c', 'cat /file', ...args, '.');
    expect(await look('--at', '2')).toMatchObject({ code: 1, out: '' });
    expect(await look('--at', 'Dockerfile:4')).toMatchObject({ out: '1\n' });
    expect(await look('--at', 'one/3', '--after')).toMatchObject({ out: '2\n' });
    // Also where everything that comes of the stage is known.
    await jettison(folder, 'build', '-q', '.');
    expect(await look('--at=3')).toMatchObject({ code: 0, out: '1\n', err: '' });
    expect(await look('--at', '6')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/There are 2 .*, 7/),
    });
    expect(await look()).toMatchObject({ code: 1, err: expect.stringContaining('does not fail') });
    expect(await look('--after')).toMatchObject({ code: 2 });
  });

  it('repeats the options of the build, and asks for those that are not recorded', async () => {
    const folder = project(
      'options',
      [
        'FROM base AS wanted',
        'ARG VERSION',
        'RUN --mount=type=secret,id=key,required=true --network=none test "$VERSION" = none',
        'FROM base',
      ].join('\n'),
    );
    writeFileSync(join(folder, 'key'), 'the key');
    const built = await jettison(
      folder,
      ...['build', '--build-arg', 'VERSION=marked-value', '--secret', 'id=key,src=key', '--target=wanted'],
      ...['-t', 'app', '--progress=plain', '.'],
    );
    expect(built.err).toContain('`jettison debug --build-arg VERSION=…` opens a shell');
    const [failure] = listFailures(builds.store.layout);
    expect(failure!.command).toEqual({
      directory: folder,
      args: ['--secret=id=key,src=key', '--target=wanted', '.'],
      withheld: ['--build-arg VERSION=…'],
    });
    const command = 'cat /run/secrets/key; echo; echo $VERSION';
    expect(await jettison(folder, 'debug', '-c', command)).toMatchObject({
      code: 2,
      err: expect.stringContaining('--build-arg VERSION=…'),
    });
    const there = await jettison(folder, 'debug', '--build-arg', 'VERSION=marked-value', '-c', command);
    expect(there).toMatchObject({ code: 0, out: 'the key\nmarked-value\n', err: '' });
    expect(await jettison(builds.home, 'debug', '-c', 'true')).toMatchObject({
      code: 2,
      err: expect.stringContaining('no build of this directory has failed'),
    });
  });

  it('lends a shell to images that have none', async () => {
    const folder = project('bare', 'FROM scratch\nCOPY Dockerfile /etc/\nRUN ["/app/server", "--check"]\n');
    expect((await jettison(folder, 'build', '.')).code).toBe(1);
    const there = await jettison(folder, 'debug', '-c', 'head -n1 /etc/Dockerfile; ls / | xargs');
    expect(there).toMatchObject({ code: 0, out: 'FROM scratch\ndev etc proc sys\n', err: '' });
    expect(await jettison(folder, 'debug', '--', 'ls')).toMatchObject({ code: 127 });
  });

  it('sees the directories that the step deleted and made anew', async () => {
    const folder = project(
      'opaque',
      'FROM base\nRUN rm -r /usr; mkdir /usr; echo n > /usr/n; rm /etc/group; false',
    );
    await jettison(folder, 'build', '.');
    expect(await jettison(folder, 'debug', '-c', 'ls /usr; ls /etc')).toMatchObject({
      out: 'n\nhosts\npasswd\nresolv.conf\n',
    });
    // As in the step itself.
    expect((await jettison(folder, 'debug', '-c', 'echo 1.1.1.1 me >> /etc/hosts')).code).not.toBe(0);
  });

  it('reports a missing terminal', async () => {
    const folder = project('tty', 'FROM base\nRUN false\n');
    const shell = await jettison(folder, 'debug', '.');
    expect(shell).toMatchObject({ code: 1, err: expect.stringContaining('is not a terminal') });
    const build = await jettison(folder, 'build', '--debug', '.');
    expect(build).toMatchObject({
      code: 2,
      err: expect.stringContaining('--debug needs a terminal'),
    });
  });

  it('keeps a failed step as long as a debug shell is open on it', async () => {
    const folder = project('ground', 'FROM base\nRUN echo left > /left; false\n');
    await jettison(folder, 'build', '.');
    const [stood] = listFailures(builds.store.layout);
    const child = builds.start(['debug', '-c', 'echo ready; read line; cat /left'], { cwd: folder });
    const end = ended(child);
    await new Promise((resolve) => child.stdout!.once('data', resolve));
    await jettison(folder, 'build', '.');
    const ids = () => listFailures(builds.store.layout).map(({ id }) => id);
    expect(ids()).toContain(stood!.id);
    child.stdin!.end('go\n');
    expect(await end).toMatchObject({ code: 0, out: 'ready\nleft\n' });
    await jettison(folder, 'build', '.');
    expect(ids()).not.toContain(stood!.id);
  });

  it('leaves no process, however it ends', async () => {
    const folder = project('ends', 'FROM base\nRUN false\n');
    await jettison(folder, 'build', '.');
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      const mark = marker();
      const child = builds.start(
        ['debug', '-c', `(setsid sleep ${mark} &); echo ready; exec sleep ${mark}`],
        {
          cwd: folder,
        },
      );
      const end = ended(child);
      await new Promise((resolve) => child.stdout!.once('data', resolve));
      child.kill(signal);
      await end;
      await eventually('everything is gone', () => processesWith(mark).length === 0);
      expect(processesWith(mark)).toEqual([]);
    }
  });
});

describe.skipIf(why)('an ordinary user', () => {
  it('sees and owns the files of the failed command', async (ctx) => {
    const user = otherUser();
    if (typeof user === 'string') return ctx.skip(user);
    const own = tempDir();
    const cli = copyCommand(own);
    const home = join(own, 'home');
    mkdirSync(home);
    chownSync(home, user.uid, user.gid);
    writeFileSync(
      join(home, 'Dockerfile'),
      'FROM scratch\nCOPY busybox /bin/sh\nRUN echo left > /left; exit 3\n',
    );
    copyFileSync('/bin/busybox', join(home, 'busybox'));
    const as = (...args: string[]) =>
      ended(startCommand(args, { cli, cwd: home, ids: user, home: join(home, 'store') }));
    expect((await as('build', '.')).err).toContain('hint: `jettison debug` opens');
    const command = 'cat /left; echo new > /new; chown 7:8 /new /left; ls -ln /left';
    const there = await as('debug', '-c', command);
    expect(there).toMatchObject({ code: 0, out: expect.stringMatching(/^left\n\S+ +1 +7 +8 /) });
    const again = await as('debug', '--', '/bin/sh', '-c', 'test -e /new || echo gone');
    expect(again).toMatchObject({ code: 0, out: 'gone\n' });
    expect((await as('prune', '-f')).out).toContain('failed step');
  });
});

describe.skipIf(why)('a shell on a terminal', () => {
  /** Types lines when the prompt is there. @returns what the terminal showed, and the exit code */
  async function session(
    cwd: string,
    args: string,
    lines: string[],
  ): Promise<{ code: number | null; text: string }> {
    const child = spawn(SCRIPT!, ['-qec', `${process.execPath} ${CLI} ${args}`, '/dev/null'], {
      cwd,
      env: {
        PATH: process.env['PATH'],
        JETTISON_HOME: builds.home,
        SHELL: '/bin/sh',
        TERM: 'xterm',
        NO_COLOR: '1',
      },
    });
    let text = '';
    let seen = 0;
    const todo = [...lines];
    child.stdout.on('data', (data: Buffer) => {
      text += data.toString();
      const prompt = /debug [\w-]+:\d+ \S+ [#$] $/.exec(text.slice(seen).replaceAll('\x1b[6n', ''));
      if (prompt === null) return;
      seen = text.length;
      child.stdin.write(todo.length === 0 ? 'exit 99\n' : `${todo.shift()}\n`);
    });
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
    return { code, text: text.replaceAll('\r', '') };
  }

  it.skipIf(SCRIPT === undefined)('has job control, a prompt, and the command to run again', async () => {
    const folder = project('typed', 'FROM base\nWORKDIR /w\nRUN echo "run as $0"; echo x >> times; exit 4\n');
    await jettison(folder, 'build', '.');
    const { code, text } = await session(folder, 'debug', [
      'cd / && again; echo code $?; cat /w/times; echo "[$-] [$ENV]"; sleep 0 & wait; tty',
      'exit 6',
    ]);
    expect(text).toMatch(/^Dockerfile:3 .*\nIt failed with exit code 4\./m);
    expect(text).toContain('debug stage-0:3 /w # ');
    expect(text).toMatch(/\nrun as \/bin\/sh\ncode 4\nx\nx\n\[(?=\w*i)(?=\w*m)\w+\] \[\]\n/);
    expect(text).toContain('/dev/pts/0');
    expect(text).not.toMatch(/access tty|job control/);
    expect(code).toBe(6);
  });

  it.skipIf(SCRIPT === undefined)(
    'opens at once with build --debug, which then fails as before',
    async () => {
      const folder = project('at-once', 'FROM base\nRUN echo out; echo left > /left; exit 5\n');
      const { code, text } = await session(folder, 'build --debug .', ['cat /left', 'exit 0']);
      expect(text).toMatch(/\nleft\n/);
      expect(text.trimEnd()).toMatch(
        /error: RUN echo out; .* failed with exit code 5\n(.*\n)*hint: `jettison debug`/,
      );
      expect(code).toBe(1);
    },
  );

  it.skipIf(SCRIPT === undefined)('gives the terminal back', async () => {
    const folder = project('back', 'FROM base\nRUN false\n');
    await jettison(folder, 'build', '.');
    const script = `${process.execPath} ${CLI} debug; echo ended; read line; echo "got $line"`;
    const child = spawn(SCRIPT!, ['-qec', `sh -c '${script}'`, '/dev/null'], {
      cwd: folder,
      env: { PATH: process.env['PATH'], JETTISON_HOME: builds.home, SHELL: '/bin/sh' },
    });
    let text = '';
    child.stdout.on('data', (data: Buffer) => {
      text += data.toString();
      if (/ # (\x1b\[6n)?$/.test(text)) child.stdin.write('exit\n');
      // What is typed before that is for the shell.
      else if (text.endsWith('ended\r\n')) child.stdin.write('typed\n');
    });
    await new Promise((resolve) => child.on('close', resolve));
    expect(text).toContain('got typed');
  });
});
