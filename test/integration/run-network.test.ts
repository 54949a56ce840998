import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ended, startCommand } from '../support/build.ts';
import { makeStore, type TestStore } from '../support/images.ts';
import { eventually, makeBaseImage, marker, openSandbox, processesWith } from '../support/sandbox.ts';

let test: TestStore;
let folder: string;
let why: string | undefined;

beforeAll(async () => {
  const probe = await openSandbox();
  if (typeof probe === 'string') {
    why = probe;
    return;
  }
  await probe.close();
  if (process.getuid?.() !== 0 || !existsSync('/usr/sbin/ip'))
    why = 'a stand-in for pasta needs root and iproute2';
  if (['pasta', 'slirp4netns'].some((name) => existsSync(`/usr/bin/${name}`)))
    why = 'a real helper is installed';
  test = makeStore();
  folder = mkdtempSync(join(tmpdir(), 'jettison-helper-'));
  await makeBaseImage(test, 'base');
  test.store.close();
});
afterAll(() => {
  test?.remove();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});
beforeEach((ctx) => {
  if (why !== undefined) ctx.skip(why);
});

/** Puts a program called pasta on the PATH that does what the script says; `$pid` is the last argument. */
function helper(script: string): string {
  const path = join(folder, 'pasta');
  writeFileSync(path, `#!/bin/sh\necho "$@" >${folder}/args\nfor pid; do :; done\n${script}\n`);
  chmodSync(path, 0o755);
  return `${process.env['PATH']}:${folder}`;
}

function run(path: string | undefined, ...args: string[]) {
  const child = startCommand(['run', ...args], { home: test.home, env: { ...(path && { PATH: path }) } });
  child.stdin?.end();
  return ended(child);
}

describe('a private network', () => {
  it('is connected by a helper, which ends with the command', async () => {
    const mark = marker();
    const path = helper(
      `ip link add jt0 type veth peer name jt1 && ip link set jt1 netns "$pid"; exec sleep ${mark}`,
    );
    const ports = ['-p', '8080:80', '-p', '127.0.0.1:8081:81/tcp', '-p', '53/udp'];
    const { code, out, err } = await run(
      path,
      ...ports,
      'base',
      'sh',
      '-c',
      'grep -c : /proc/net/dev; grep nameserver /etc/resolv.conf',
    );
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(Number(out.split('\n')[0])).toBeGreaterThanOrEqual(2);
    expect(out).toContain('nameserver 169.254.1.1\n');
    expect(readFileSync(join(folder, 'args'), 'utf8')).toContain(
      '-t 8080:80,127.0.0.1/8081:81 -u 53:53 -T none -U none',
    );
    await eventually('the helper is gone', () => processesWith(mark).length === 0);
  });

  it('fails with what the helper says, and runs nothing', async () => {
    const path = helper('echo "cannot bind port 80" >&2; exit 1');
    expect(await run(path, '-p', '80', 'base', 'echo', 'ran')).toMatchObject({
      code: 125,
      out: '',
      err: expect.stringContaining('cannot bind port 80'),
    });
  });

  it('is refused where there is no helper, when it is asked for by name', async () => {
    expect(await run(undefined, '--network', 'private', 'base', 'true')).toMatchObject({
      code: 125,
      err: expect.stringContaining('passt'),
    });
    expect(await run(undefined, '--network', 'none', '-p', '80', 'base', 'true')).toMatchObject({
      code: 0,
      err: expect.stringContaining('without a network'),
    });
  });
});
