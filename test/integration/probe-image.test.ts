import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { networkHelper } from '../../src/machine/network-helper.ts';
import { compareResults } from '../../src/probe/compare-results.ts';
import { type ProbeOptions, probeImage } from '../../src/probe/probe-image.ts';
import { findImage } from '../../src/store/lookup.ts';
import { remains, type TestBuilds } from '../support/build.ts';
import { eventually } from '../support/sandbox.ts';
import { withSandboxedBuilds } from '../support/sandboxed-builds.ts';

let builds: TestBuilds;

withSandboxedBuilds(
  (made) => {
    builds = made;
  },
  { config: { Env: ['PATH=/bin'] }, node: true },
);
afterEach(async () => {
  if (builds === undefined) return;
  await eventually('nothing is left', () => remains(builds.home, builds.home).length === 0);
  expect(builds.store.containers.list()).toEqual([]);
  // Folders of this process and of workers: what is in them counts.
  const { temporary } = builds.store.layout;
  expect(readdirSync(temporary).flatMap((name) => readdirSync(join(temporary, name)))).toEqual([]);
});

const QUICK: ProbeOptions = { stopMs: 1500, settleMs: 500 };

/** Builds and probes an image of busybox with a shell command. */
async function probe(script: string, config: string[] = [], options: ProbeOptions = {}) {
  const cmd = `CMD ${JSON.stringify(['sh', '-c', script])}`;
  await builds.build(['FROM base', 'EXPOSE 3000', ...config, cmd].join('\n'), { tags: ['probed'] });
  return probeImage(builds.store, findImage(builds.store, 'probed'), { ...QUICK, ...options });
}

/** Builds and probes an image with a Node server. */
async function serve(source: string, lines: string[] = [], options: ProbeOptions = {}) {
  builds.write({ 'server.js': source });
  const dockerfile = ['FROM node', 'WORKDIR /app', 'COPY server.js .', 'EXPOSE 3000', ...lines];
  await builds.build([...dockerfile, 'CMD ["node", "server.js"]'].join('\n'), { tags: ['server'] });
  return probeImage(builds.store, findImage(builds.store, 'server'), { ...QUICK, ...options });
}

const SERVER = `require('http').createServer((request, response) => {
  response.setHeader('x-app', 'one');
  response.statusCode = request.url === '/' ? 200 : 404;
  response.end('hello ' + process.env.NAME + ' at ' + request.url);
}).listen(3000, () => console.log('\\x1b[32mlistening\\x08\\x1b[0m'));
process.on('SIGTERM', () => process.exit(3));`;

describe('probeImage', () => {
  it('reads what a server answers, runs its checks, and stops it', async () => {
    const result = await serve(
      SERVER,
      [
        `HEALTHCHECK CMD ["node", "-e", "fetch('http://localhost:3000').then(({ ok }) => process.exit(ok ? 0 : 1))"]`,
      ],
      {
        paths: ['/', '/none'],
        env: ['NAME=you'],
        probe: '["node", "-p", "process.env.NAME"]',
        test: { command: 'echo "$JETTISON_URL"; exit 4', cwd: '/', env: process.env },
      },
    );
    expect(result).toMatchObject({
      outcome: 'answered',
      answers: [
        { port: 3000, path: '/', status: 200, headers: { 'x-app': 'one' }, body: { size: 14 } },
        { path: '/none', status: 404 },
      ],
      health: { exitCode: 0 },
      probe: { exitCode: 0, output: 'you\n' },
      test: { exitCode: 4, output: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\n$/) },
      logs: { stdout: { text: 'listening\\x08\n', dropped: 0 } },
      stop: { signal: 'SIGTERM', exitCode: 3, killed: false },
    });
    expect(result.exitCode).toBeUndefined();
  });

  it('runs the same image alike with --hardened, and finds one that writes', async () => {
    const plain = await serve(SERVER);
    expect(compareResults(plain, await serve(SERVER, [], { rights: 'hardened' }))).toEqual([]);
    const writer = `require('fs').writeFileSync('/app/state', '');\n${SERVER}`;
    const hardened = await serve(writer, [], { rights: 'hardened' });
    expect(hardened).toMatchObject({ outcome: 'ended', exitCode: 1 });
    expect(compareResults(await serve(writer), hardened).map(({ subject }) => subject)).toContain('outcome');
    expect(await serve(writer, [], { readOnly: true })).toMatchObject({ outcome: 'ended', exitCode: 1 });
  });

  it('says where it listens', async (ctx) => {
    if ('missing' in networkHelper()) ctx.skip('no program makes private networks');
    const result = await serve(SERVER.replace('listen(3000,', "listen(4000, '127.0.0.1',"), [], {
      readyMs: 1500,
    });
    expect(result).toMatchObject({ outcome: 'silent', listening: [{ address: '127.0.0.1', port: 4000 }] });
  });

  it('reports a command that ends, with what it printed', async () => {
    const result = await probe('echo one; echo two >&2; exit 7');
    expect(result).toMatchObject({
      outcome: 'ended',
      exitCode: 7,
      logs: { stdout: { text: 'one\n' }, stderr: { text: 'two\n' } },
    });
    expect(result.stop).toBeUndefined();
  });

  it('reports a command that does not exist', async () => {
    await builds.build('FROM base\nCMD ["/none"]', { tags: ['none'] });
    const result = await probeImage(builds.store, findImage(builds.store, 'none'), QUICK);
    expect(result).toMatchObject({ outcome: 'ended', exitCode: 127 });
  });

  it('kills a command that ignores its stop signal', async () => {
    const result = await probe('trap "" TERM; while :; do sleep 0.1; done', [], { ports: [], stopMs: 300 });
    expect(result).toMatchObject({ outcome: 'answered', answers: [], stop: { killed: true } });
    expect(result.stop!.ms).toBeLessThan(10_000);
  });

  it('keeps the last part of a log', async () => {
    const result = await probe('yes 0123456789abcdef | head -c 500000; echo end; sleep 9', [], { ports: [] });
    const { text, dropped } = result.logs.stdout;
    expect(text).toMatch(/end\n$/);
    expect(text.length + dropped).toBe(500_004);
    expect(text.length).toBeLessThan(100_000);
  });

  it('gives a server that never completes an answer a bounded time', async () => {
    const slow = `require('http').createServer((_, response) => { response.write('x'); }).listen(3000)`;
    const result = await serve(slow, [], { readyMs: 2000, checkMs: 1000 });
    expect(result.answers).toMatchObject([
      { status: 200, error: expect.stringContaining('within'), body: { size: 1, truncated: true } },
    ]);
  });

  it('ends and leaves nothing when it is interrupted', async () => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 700);
    const running = probe('sleep 60', [], { ports: [3000], signal: abort.signal });
    await expect(running).rejects.toMatchObject({ code: 'INTERRUPTED', exitCode: 130 });
  });
});

it('lint --run compares EXPOSE with the sockets of the image', async (ctx) => {
  if (!('name' in networkHelper())) return ctx.skip('no network of its own');
  const text = (port: number) => `FROM node\nCOPY server.js /\nEXPOSE ${port}\nCMD ["node", "/server.js"]\n`;
  const found = async (port: number) => {
    builds.write({ Dockerfile: text(port), 'server.js': "require('http').createServer().listen(3000);\n" });
    const cwd = builds.context;
    expect((await builds.command(['build', '-q', '.'], { cwd })).code).toBe(0);
    return (await builds.command(['lint', '--built', '--run', '--rules=ExposedPorts'], { cwd })).out;
  };
  expect(await found(8080)).toContain(
    'EXPOSE names 8080, and the program listens on 3000 [ExposedPorts] (Dockerfile:3)',
  );
  expect(await found(3000)).toContain('Nothing to complain about.');
});
