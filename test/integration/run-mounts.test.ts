import { existsSync, readdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LayerIndex } from '../../src/layer/layer-index.ts';
import type { ExecMount } from '../../src/protocol/exec-request.ts';
import { listCaches } from '../../src/store/cache-mounts.ts';
import { TestBuilds } from '../support/build.ts';
import { openSandbox, whyNoSandbox } from '../support/sandbox.ts';
import { tempDir } from '../support/temp-dir.ts';

const why = whyNoSandbox();
let builds: TestBuilds;

beforeAll(async () => {
  if (why === undefined) builds = await TestBuilds.create({}, { network: 'host' });
});
afterAll(() => builds?.remove());

/** Paths that a step's layer lists. */
function paths(layer: string): string[] {
  const index = LayerIndex.parse(readFileSync(builds.store.layout.layerIndex(layer)));
  return [...index.paths()].filter((path) => path !== '');
}

describe.skipIf(why)('RUN --mount=type=bind', () => {
  it('shows files of the context that are not ignored, and leaves no trace in the layer', async () => {
    builds.write({ 'src/a': 'one', 'src/b': 'two', '.dockerignore': '' });
    const run = 'RUN --mount=type=bind,source=src,target=/src cat /src/a > /got && ls /src';
    const built = await builds.build(`FROM base\n${run}\n`);
    expect(built.output).toBe('a\nb\n');
    expect(paths(built.layers[run]!)).toEqual(['got']);
  });

  it('is in the key by content: only changes of mounted files rerun the step', async () => {
    builds.write({ 'k/a': 'one', other: '1' });
    const run = 'RUN --mount=type=bind,source=k,target=/src cat /src/a';
    await builds.build(`FROM base\n${run}\n`);
    builds.write({ other: '2' });
    expect((await builds.build(`FROM base\n${run}\n`)).outcomes[run]).toBe('cached');
    builds.write({ 'k/a': 'two' });
    const changed = await builds.build(`FROM base\n${run}\n`);
    expect(changed.outcomes[run]).toBe('done');
    expect(changed.output).toBe('two');
    builds.write({ 'k/a': 'one' });
    expect((await builds.build(`FROM base\n${run}\n`)).outcomes[run]).toBe('cached');
  });

  it('is read-only; with rw, writes are discarded', async () => {
    builds.write({ 'w/a': 'context' });
    const failed = await builds.failure(
      'FROM base\nRUN --mount=type=bind,source=w,target=/w echo x > /w/a\n',
    );
    expect(failed.code).toBe('RUN_FAILED');
    const run = 'RUN --mount=type=bind,source=w,target=/w,rw echo x > /w/a && echo y > /w/new && cat /w/a';
    const built = await builds.build(`FROM base\n${run}\nRUN ls / && true\n`);
    expect(built.output).toContain('x\n');
    expect(paths(built.layers[run]!)).toEqual([]);
    expect(readFileSync(join(builds.context, 'w/a'), 'utf8')).toBe('context');
  });

  it('takes files and directories of stages and images, and does not change them either', async () => {
    const dockerfile = [
      'FROM base AS one',
      'RUN mkdir -p /out/deep && echo made > /out/deep/file && ln -s /out/deep /link',
      'FROM base',
      'RUN --mount=from=one,source=/link/file,target=/f cat /f',
      'RUN --mount=from=one,source=/out,target=/o,rw echo more >> /o/deep/file && cat /o/deep/file',
      'RUN --mount=from=one,target=/all cat /all/out/deep/file && ls /all/bin/busybox',
      'RUN --mount=from=base,source=usr,target=/u cat /u/a',
    ].join('\n');
    const { output } = await builds.build(dockerfile);
    for (const text of ['made\nmore\n', '/all/bin/busybox\n', 'a']) expect(output).toContain(text);
    const again = await builds.build(dockerfile, { noCache: true });
    expect(again.output.match(/more/g)).toHaveLength(1);
  });

  it('of a stage: a rebuild with the same files does not rerun the step', async () => {
    const text = (note: string) =>
      `FROM base AS s\nRUN echo same > /out && : ${note}\nFROM base\nRUN --mount=from=s,source=/out,target=/in cat /in\n`;
    const run = 'RUN --mount=from=s,source=/out,target=/in cat /in';
    await builds.build(text('first'));
    const next = await builds.build(text('second'));
    expect(next.outcomes[run]).toBe('reused');
  });

  it.each([
    ['--mount=target=/x,source=missing', 'COPY_SOURCE_MISSING'],
    ['--mount=target=/proc/x,source=src', 'MOUNT_TARGET'],
    ['--mount=target=/x,from=later', 'STAGE_LATER'],
  ])('refuses %s', async (mount, code) => {
    builds.write({ 'src/a': '' });
    const failure = await builds.failure(
      `FROM base\nRUN ${mount} true\nFROM base AS later\nCOPY --from=0 /bin/sh /\n`,
    );
    expect(failure.code).toBe(code);
    expect(failure.location?.line).toBe(2);
  });

  it('lets another mount stand inside, wherever it comes from', async () => {
    builds.write({ 'app/package.json': '{}', 'app/sub/x': 'x' });
    const run =
      'RUN --mount=type=cache,target=/app/node_modules/.cache --mount=type=bind,source=app,target=/app ' +
      '--mount=type=tmpfs,target=/app/sub touch /app/node_modules/.cache/y && ls /app /app/sub';
    const { output, layers } = await builds.build(`FROM base\n${run}\n`);
    expect(output).toContain('node_modules\npackage.json\nsub\n');
    expect(output).not.toContain('x\n');
    expect(Object.values(layers).every((layer) => paths(layer).length === 0)).toBe(true);
  });

  it('mounts nothing through a symlink of the context', async () => {
    const outside = tempDir();
    builds.write({ 'evil/file': '' });
    symlinkSync(outside, join(builds.context, 'evil/link'));
    const failure = await builds.failure(
      'FROM base\nRUN --mount=source=evil,target=/e,rw --mount=type=cache,target=/e/link/x true\n',
    );
    expect(failure.code).toBe('MOUNT_TARGET');
    expect(readdirSync(outside)).toEqual([]);
  });
});

describe.skipIf(why)('RUN --mount=type=cache', () => {
  it('is another one in another BUILDKIT_CACHE_MOUNT_NS', async () => {
    const text =
      'FROM base\nRUN --mount=type=cache,target=/ns --mount=type=cache,id=i,target=/i echo >> /ns/f && echo >> /i/f && wc -l < /ns/f && wc -l < /i/f\n';
    const counts = async (namespace: string | undefined) => {
      const buildArgs = namespace === undefined ? {} : { BUILDKIT_CACHE_MOUNT_NS: namespace };
      return (await builds.build(text, { noCache: true, buildArgs })).output.split(/\s+/).filter(Boolean);
    };
    expect(await counts(undefined)).toEqual(['1', '1']);
    expect(await counts('one')).toEqual(['1', '1']);
    expect(await counts('two')).toEqual(['1', '1']);
    expect(await counts('one')).toEqual(['2', '2']);
    expect(await counts('')).toEqual(['2', '2']);
    const ids = listCaches(builds.store.layout).map(({ record }) => record.id);
    expect(ids).toEqual(expect.arrayContaining(['/ns', 'i', 'one//ns', 'one/i']));
  });

  it('may contain other mounts, in any order, each with its own files', async () => {
    const outer = '--mount=type=cache,target=/n,id=outer';
    const inner = '--mount=type=cache,target=/n/deep/in,id=inner';
    const memory = '--mount=type=tmpfs,target=/n/deep/in/memory';
    for (const [number, mounts] of [
      [outer, inner, memory],
      [memory, inner, outer],
    ].entries()) {
      const run = `RUN ${mounts.join(' ')} touch /n/o${number} /n/deep/in/i${number} /n/deep/in/memory/m`;
      const built = await builds.build(`FROM base\n${run}\n`);
      expect(paths(built.layers[run]!)).toEqual([]);
    }
    const list = 'cd /n && for path in * deep/in/*; do echo $path; done';
    const { output } = await builds.build(
      [
        'FROM base',
        `RUN --mount=type=cache,target=/n,id=outer ${list}`,
        'RUN --mount=type=cache,target=/n,id=inner cd /n && for path in *; do echo $path; done',
      ].join('\n'),
    );
    expect(output).toBe('deep\no0\no1\ndeep/in/*\ni0\ni1\nmemory\n');
  });

  it('does not mount through a symlink that a command left in a cache', async () => {
    const outer = '--mount=type=cache,target=/n,id=trap';
    for (const [number, [make, kind]] of [
      ['ln -s /etc /n/x', 'symlink'],
      ['ln -s ../../../../etc /n/x', 'symlink'],
      ['touch /n/x', 'file'],
      ['mkfifo /n/x', 'device'],
    ].entries()) {
      await builds.build(`FROM base\nRUN ${outer}${number} ${make}\n`);
      for (const inner of ['/n/x', '/n/x/new']) {
        const error = await builds.failure(
          `FROM base\nRUN ${outer}${number} --mount=type=cache,target=${inner},id=b touch /n/x/made\n`,
        );
        expect(error).toMatchObject({ code: 'MOUNT_TARGET', message: expect.stringContaining(kind!) });
      }
    }
    expect(existsSync('/etc/new')).toBe(false);
    expect(existsSync('/etc/made')).toBe(false);
  });

  it('survives builds and is in no layer; its content is no part of the key', async () => {
    const run = 'RUN --mount=type=cache,target=/c date >> /c/log && wc -l < /c/log';
    const first = await builds.build(`FROM base\n${run}\n`);
    expect(first.output.trim()).toBe('1');
    expect(paths(first.layers[run]!)).toEqual([]);
    expect((await builds.build(`FROM base\n${run}\n`)).outcomes[run]).toBe('cached');
    expect((await builds.build(`FROM base\n${run}\n`, { noCache: true })).output.trim()).toBe('2');
  });

  it('belongs to whom it is asked for, and is another one then', async () => {
    const { output } = await builds.build(
      'FROM base\n' +
        'RUN --mount=type=cache,id=own,target=/c touch /c/root && stat -c "%a %u %g" /c\n' +
        'RUN --mount=type=cache,id=own,target=/c,uid=1000,gid=1000,mode=0700 stat -c "%a %u %g" /c && ls /c\n',
    );
    expect(output).toBe('755 0 0\n700 1000 1000\n');
  });

  it('starts with a copy of the files of from=', async () => {
    const text = [
      'FROM base AS seed',
      'RUN mkdir /s && echo seeded > /s/f',
      'FROM base',
      'RUN --mount=type=cache,from=seed,source=/s,target=/c echo more >> /c/f && cat /c/f',
      'RUN --mount=from=seed,source=/s,target=/s cat /s/f',
    ].join('\n');
    expect((await builds.build(text)).output).toBe('seeded\nmore\nseeded\n');
    const second = await builds.build(text, { noCache: true });
    expect(second.output).toBe('seeded\nmore\nmore\nseeded\n');
  });

  it('is read-only when asked, and a part of it can be mounted', async () => {
    const { output } = await builds.build(
      'FROM base\n' +
        'RUN --mount=type=cache,id=part,source=a/b,target=/c echo deep > /c/f\n' +
        'RUN --mount=type=cache,id=part,target=/c,ro cat /c/a/b/f; touch /c/x || echo refused\n',
    );
    expect(output).toContain('deep\n');
    expect(output).toContain('refused\n');
  });

  it('follows no symlink that a command left in it', async () => {
    const failure = await builds.failure(
      'FROM base\n' +
        'RUN --mount=type=cache,id=sly,target=/c ln -s /etc /c/link\n' +
        'RUN --mount=type=cache,id=sly,source=link,target=/c ls /c\n',
    );
    expect(failure.code).toBe('MOUNT_SOURCE');
  });

  it('locked: one after the other; private: each its own; shared: all at once', async () => {
    const stages = (sharing: string, command: string) => {
      const mount = `--mount=type=cache,id=${sharing},target=/c,sharing=${sharing}`;
      const stage = (n: number) =>
        `FROM base AS ${sharing}${n}\nRUN ${mount} : ${n}; ${command} && touch /done${n}\n`;
      const copy = (n: number) => `COPY --from=${sharing}${n} /done${n} /\n`;
      return `${stage(1)}${stage(2)}FROM base\n${copy(1)}${copy(2)}`;
    };
    // Whoever finds the other's mark is not alone.
    const alone = 'test ! -e /c/in && touch /c/in && sleep 0.3 && rm /c/in';
    await builds.build(stages('locked', alone));
    await builds.build(stages('private', alone));
    // Each waits for the other.
    const meet =
      'touch /c/$$-$(cat /proc/sys/kernel/random/uuid); until [ $(ls /c | wc -l) = 2 ]; do sleep 0.05; done';
    await builds.build(stages('shared', meet));
    const instances = listCaches(builds.store.layout).filter(({ record }) => record.id === 'private');
    expect(instances.map(({ name }) => name.slice(32)).sort()).toEqual(['', '-1']);
  });
});

describe.skipIf(why)('RUN --mount=type=tmpfs and ssh', () => {
  it('gives a tmpfs of that size on which programs run', async () => {
    const run =
      "RUN --mount=type=tmpfs,target=/t,size=64k printf '#!/bin/sh\\necho ran' > /t/x && chmod +x /t/x && /t/x && " +
      'df -k /t | tail -1';
    const { output, layers } = await builds.build(`FROM base\n${run}\n`);
    expect(output).toMatch(/^ran\ntmpfs +64 /);
    expect(Object.values(layers).every((layer) => paths(layer).length === 0)).toBe(true);
  });

  it('has the agent where Docker has it; the key does not depend on it', async () => {
    const folder = tempDir();
    const socket = join(folder, 'agent');
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    try {
      const run = 'RUN --mount=type=ssh,uid=1000 stat -c "%a %u %n" $SSH_AUTH_SOCK';
      const text = `FROM base\nUSER 1000\n${run}\n`;
      const { output } = await builds.build(text, { ssh: { default: socket } });
      expect(output).toBe('600 1000 /run/buildkit/ssh_agent.0\n');
      expect((await builds.build(text)).outcomes[run]).toBe('cached');
      const missing = await builds.failure('FROM base\nRUN --mount=type=ssh,required true\n');
      expect(missing).toMatchObject({ code: 'SSH_MISSING', hint: 'Pass --ssh default.' });
      const notGiven = await builds.build(
        'FROM base\nRUN --mount=type=ssh echo "[$SSH_AUTH_SOCK]"; ls $SSH_AUTH_SOCK 2>/dev/null; true\n',
      );
      expect(notGiven.output).toBe('[/run/buildkit/ssh_agent.0]\n');
      writeFileSync(join(folder, 'key'), '');
      const wrong = await builds.failure(text, { ssh: { default: join(folder, 'key') } });
      expect(wrong.code).toBe('SSH_UNUSABLE');
    } finally {
      server.close();
    }
  });

  it('reaches the agent from a command of any user', async (ctx) => {
    const sandbox = await openSandbox();
    if (typeof sandbox === 'string') return ctx.skip(sandbox);
    const socket = join(sandbox.home, 'agent');
    const server = createServer((client) => {
      client.once('data', (data) => client.end(`you said ${data}`));
    });
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    try {
      // This machine's own Node, with its libraries.
      const libraries = ['/usr', '/lib', '/lib64'].filter((path) => existsSync(path));
      const program = libraries.some((path) => process.execPath.startsWith(`${path}/`))
        ? []
        : [dirname(process.execPath)];
      const binds = [...libraries, ...program].map((path): ExecMount => {
        return { type: 'bind', target: path, source: realpathSync(path), readonly: true };
      });
      const talk =
        "require('net').connect('/agent').on('data', (d) => console.log(String(d))).write('hello')";
      const said = await sandbox.text([process.execPath, '-e', talk], {
        user: '1000:1000',
        mounts: [{ type: 'agent', target: '/agent', socket, mode: 0o600, uid: 1000, gid: 1000 }, ...binds],
      });
      expect(said).toBe('you said hello');
    } finally {
      server.close();
      await sandbox.close();
    }
  });
});
