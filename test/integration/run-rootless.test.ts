import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ended, otherUser, startCommand, TestBuilds } from '../support/build.ts';
import { copyCommand, whyNoSandbox } from '../support/sandbox.ts';

let builds: TestBuilds;
let why: string | undefined;
let run: (...args: string[]) => ReturnType<typeof ended>;
/** The same, with another store. */
let runIn: (home: string, ...args: string[]) => ReturnType<typeof ended>;

beforeAll(async () => {
  const ids = otherUser();
  why = whyNoSandbox() ?? (typeof ids === 'string' ? ids : undefined);
  if (why !== undefined || typeof ids === 'string') return;
  builds = await TestBuilds.create({ User: 'node' });
  chmodSync(builds.folder, 0o755);
  const archive = join(builds.folder, 'base.tar');
  await builds.run(['save', '-o', archive, 'base']);
  chmodSync(archive, 0o644);
  const cli = copyCommand(join(builds.folder, 'command'));
  const folder = join(builds.folder, 'theirs');
  mkdirSync(folder);
  chownSync(folder, ids.uid, ids.gid);
  runIn = (home, ...args) => ended(startCommand(args, { home, cwd: folder, cli, ids }));
  run = (...args) => runIn(join(folder, 'store'), ...args);
  expect(await run('load', '-i', archive)).toMatchObject({ code: 0 });
});
afterAll(() => builds?.remove());
beforeEach((ctx) => {
  if (why !== undefined) ctx.skip(why);
});

describe('without root', () => {
  it("a command runs as root or another id of the user's range", async () => {
    const print = [
      'sh',
      '-c',
      'echo $(id -u):$(id -g) $(stat -c %u:%g /home/node /bin/busybox | tr "\\n" " ")',
    ];
    expect(await run('run', 'base', ...print)).toMatchObject({
      code: 0,
      out: '1000:1000 1000:1000 0:0\n',
      err: '',
    });
    expect(await run('run', '-u', '0', 'base', ...print)).toMatchObject({ out: '0:0 1000:1000 0:0\n' });
  });

  it('a build may change owners, and its image has them', async () => {
    builds.write({
      Dockerfile: 'FROM base\nUSER root\nRUN echo x >/x && chown 1234:55 /x && chmod 4755 /x\n',
    });
    expect(await run('build', '-t', 'owned', builds.context)).toMatchObject({ code: 0 });
    expect(await run('run', 'owned', 'stat', '-c', '%u:%g %a', '/x')).toMatchObject({
      out: '1234:55 4755\n',
    });
  });

  it("a build with root's store makes layers anew that only root can read, and says so", async () => {
    const stages = ['FROM base AS one', 'USER root', 'RUN echo x >/x', 'FROM base', 'COPY --from=one /x /x'];
    builds.write({ Dockerfile: stages.join('\n') });
    expect(await builds.run(['build', builds.context])).toMatchObject({ code: 0 });
    const home = join(builds.folder, 'handed-over');
    const { uid, gid } = otherUser() as { uid: number; gid: number };
    execFileSync('cp', ['-a', builds.home, home]);
    execFileSync('chown', ['-hR', `${uid}:${gid}`, home]);
    // What the first stage made is read again; its layer is in no image.
    builds.write({ Dockerfile: [...stages, 'COPY --from=one /x /again'].join('\n') });
    const { code, err } = await runIn(home, 'build', '--progress=plain', builds.context);
    expect([code, err]).toEqual([0, expect.stringContaining('RUN echo x >/x')]);
    expect(err).toMatch(
      /^#\d+ because its layer was made with another isolation, and cannot be read with this one$/m,
    );
    expect(err).toMatch(/^#\d+ because the instruction is new/m);
    expect(err.match(/^#\d+ because/gm)).toHaveLength(2);
  });

  it('an id outside of the range is refused by name', async () => {
    expect(await run('run', '-u', '70000000', 'base', 'true')).toMatchObject({
      code: 125,
      err: expect.stringContaining('"70000000"'),
    });
  });

  it('a command gets no more of the machine than root’s commands do', async () => {
    const { out } = await run(
      'run',
      '-u',
      '0',
      'base',
      'sh',
      '-c',
      'grep CapEff /proc/self/status; ls /proc/1/root/etc 2>&1 | head -1; echo x 2>&1 >/sys/kernel/mm/ksm/run || echo no',
    );
    expect(out).toMatch(/CapEff:\t00000000a80405fb\n.*\n(.*\n)?no\n$/);
  });

  it('mounts work, and caches move to another store', async () => {
    builds.write({
      'm/file': 'mounted',
      Dockerfile:
        'FROM base\nUSER root\n' +
        'RUN --mount=type=cache,id=c,target=/c echo kept > /c/f && chown 1234 /c/f && ln -s f /c/l\n' +
        'RUN --mount=source=m,target=/m --mount=from=base,source=usr,target=/u,rw --mount=type=tmpfs,target=/t \\\n' +
        '  cat /m/file /u/a > /t/x && echo y > /u/a && cp /t/x /x\n',
    });
    expect(await run('build', '-t', 'mounts', builds.context)).toMatchObject({ code: 0 });
    expect((await run('run', 'mounts', 'cat', '/x')).out).toBe('mounteda');
    const [listed] = JSON.parse((await run('cache-mounts', 'ls', '--json')).out);
    expect(listed).toMatchObject({ id: 'c', size: 5 });
    expect((await run('cache-mounts', 'ls')).out).toMatch(/^ID .*\nc +[0-9a-f]{12} +5B +.* ago\n$/);

    expect(await run('cache-mounts', 'export', '-o', 'caches.tgz', 'c')).toMatchObject({ code: 0, err: '' });
    expect(await run('prune', '--cache-mounts', '-f')).toMatchObject({
      out: expect.stringContaining('Deleted 1 cache mount'),
    });
    expect(JSON.parse((await run('cache-mounts', 'ls', '--json')).out)).toEqual([]);
    expect(await run('cache-mounts', 'import', 'caches.tgz')).toMatchObject({
      code: 0,
      out: 'Imported 1 cache mount\n',
    });
    builds.write({
      Dockerfile:
        'FROM base\nUSER root\nRUN --mount=type=cache,id=c,target=/c (cat /c/l && stat -c %u /c/f) > /got\n',
    });
    expect(await run('build', '-t', 'again', builds.context)).toMatchObject({ code: 0 });
    expect((await run('run', 'again', 'cat', '/got')).out).toBe('kept\n1234\n');

    expect(await run('cache-mounts', 'rm', 'other')).toMatchObject({ code: 1 });
    expect(await run('cache-mounts', 'rm', 'c')).toMatchObject({ code: 0, out: 'Deleted 1 cache mount\n' });
    expect(await run('cache-mounts', 'import', 'base.tar')).toMatchObject({ code: 1 });
    expect(await run('cache-mounts', 'rm')).toMatchObject({ code: 2 });
  });
});

describe('without root, a container', () => {
  const LOOP = 'while :; do sleep 0.05; done';

  it('a background container of any user is joined, checked, stopped and killed', async () => {
    const flags = ['--health-cmd', 'test "$(id -u)" = 1000', '--health-interval', '100ms'];
    const started = await run(
      'run',
      '-d',
      '--name',
      'web',
      ...flags,
      'base',
      'sh',
      '-c',
      `trap "exit 3" TERM; ${LOOP}`,
    );
    expect(started).toMatchObject({ code: 0, err: '' });
    expect(await run('exec', 'web', 'sh', '-c', 'id -u; grep CapEff /proc/self/status')).toMatchObject({
      out: '1000\nCapEff:\t0000000000000000\n',
    });
    // Its streams are its own, whoever it is.
    expect(await run('exec', 'web', 'sh', '-c', 'echo x >/dev/stdout; echo y >/dev/stderr')).toMatchObject({
      ...{ out: 'x\n', err: 'y\n' },
    });
    expect(await run('exec', '-i', 'web', 'sh', '-c', 'head -c 0 </dev/stdin && echo z')).toMatchObject({
      out: 'z\n',
    });
    expect(
      await run('exec', '-u', '0', 'web', 'sh', '-c', 'id -u; grep CapEff /proc/self/status'),
    ).toMatchObject({
      out: '0\nCapEff:\t00000000a80405fb\n',
    });
    for (let i = 0; i < 100 && !(await run('ps')).out.includes('(healthy)'); i++);
    expect((await run('ps')).out).toContain('(healthy)');
    await run('stop', 'web');
    expect((await run('ps', '-a')).out).toContain('Exited (3)');
    expect(await run('rm', 'web')).toMatchObject({ code: 0 });
    await run('run', '-d', '--name', 'deaf', 'base', 'sh', '-c', `trap "" TERM; ${LOOP}`);
    expect(await run('rm', '-f', 'deaf')).toMatchObject({ code: 0 });
    expect((await run('ps', '-aq')).out).toBe('');
  });

  it('can be hardened, and gets folders of its user', async () => {
    const script =
      'grep -E "CapBnd|NoNew" /proc/self/status; id -u; echo x >/tmp/x; cat /data/f; echo x >/data/f; echo y >/y';
    const data = join(builds.folder, 'theirs', 'data');
    await run(
      'run',
      '-u',
      '0',
      '-v',
      `${join(builds.folder, 'theirs')}:/theirs`,
      'base',
      'sh',
      '-c',
      'mkdir /theirs/data; echo in >/theirs/data/f',
    );
    const ran = await run('run', '--hardened', '-v', `${data}:/data:ro`, 'base', 'sh', '-c', script);
    expect(ran).toMatchObject({ code: 1, out: 'CapBnd:\t0000000000000000\nNoNewPrivs:\t1\n1000\nin\n' });
    expect(ran.err).toContain('/data/f');
    expect(ran.err).toContain('tried to write /y,');
  });

  it('says when a limit cannot hold', async () => {
    const { code, err } = await run('run', '-m', '64m', 'base', 'true');
    expect(code).toBe(0);
    if (err !== '') expect(err).toMatch(/^note: the memory limit is not enforced/);
  });
});
