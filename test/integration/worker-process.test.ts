import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { JettisonError } from '../../src/errors/error.ts';
import { startWorker } from '../../src/host/client.ts';
import { probeRungs } from '../../src/host/rungs.ts';
import { identity, openSandbox, type TestSandbox } from '../support/sandbox.ts';

let sandbox: TestSandbox;
let why: string | undefined;

beforeAll(async () => {
  const opened = await openSandbox();
  if (typeof opened === 'string') why = opened;
  else sandbox = opened;
});
afterAll(() => sandbox?.close());
beforeEach((ctx) => {
  if (why !== undefined) ctx.skip(why);
});

describe('between control and the worker', () => {
  it('errors for people keep all that they say', async () => {
    const path = join(sandbox.home, 'broken.tar');
    writeFileSync(path, 'x'.repeat(1024));
    const failed = await sandbox.worker
      .unpack({ layer: identity('broken'), path, whiteouts: true, directory: true })
      .catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(JettisonError);
    expect(failed).toMatchObject({ code: expect.any(String), exitCode: 1 });
  });

  it('bugs and failed system calls keep their class and code', async () => {
    const bug = await sandbox.worker.remove({ paths: ['/etc/passwd'] }).catch((error: unknown) => error);
    expect(bug).not.toBeInstanceOf(JettisonError);
    expect(bug).toMatchObject({ message: expect.stringContaining('not inside the store') });
    const missing = await sandbox.worker
      .read({ source: { kind: 'host', path: '/nowhere/at/all' }, limit: 10 })
      .catch((error: unknown) => error);
    expect(missing).toMatchObject({ code: expect.any(String) });
  });

  it('many calls are under way at once', async () => {
    const runs = Array.from({ length: 6 }, (_, i) => sandbox.run(`sleep 0.${5 - i}; echo ${i}`));
    expect((await Promise.all(runs)).map(({ stdout }) => stdout.trim())).toEqual([
      '0',
      '1',
      '2',
      '3',
      '4',
      '5',
    ]);
  });

  it('output is not read faster than it is taken', async () => {
    let busy = 0;
    let most = 0;
    const result = await sandbox.worker.exec(
      {
        layers: [sandbox.base],
        process: { args: ['/bin/sh', '-c', 'seq 200000'], env: ['PATH=/bin'], cwd: '/', user: '' },
        mounts: [],
        network: 'host',
      },
      {
        onOutput: async () => {
          most = Math.max(most, ++busy);
          await new Promise((resolve) => setImmediate(resolve));
          busy--;
        },
      },
    );
    expect(result.exitCode).toBe(0);
    expect(most).toBe(1);
  });
});

describe('locks', () => {
  it('are taken by one at a time, also of other processes, and freed when their holder ends', async () => {
    const other = await startWorker({ home: sandbox.home });
    const order: string[] = [];
    await sandbox.worker.lock({ name: 'one' });
    const waiting = other.lock({ name: 'one' }).then(() => order.push('other'));
    await other.lock({ name: 'two' });
    order.push('free');
    await sandbox.worker.unlock({ name: 'one' });
    await waiting;
    expect(order).toEqual(['free', 'other']);

    const again = sandbox.worker.lock({ name: 'one' }).then(() => order.push('again'));
    await other.close();
    await again;
    expect(order).toEqual(['free', 'other', 'again']);
    await sandbox.worker.unlock({ name: 'one' });
  });

  it('do not wait for a lock that another operation waits for', async () => {
    await sandbox.worker.lock({ name: 'held' });
    const waiting = Array.from({ length: 6 }, async () => {
      await sandbox.worker.lock({ name: 'held' });
      await sandbox.worker.unlock({ name: 'held' });
    });
    expect(await sandbox.text('echo works')).toBe('works');
    await sandbox.worker.unlock({ name: 'held' });
    await Promise.all(waiting);
  });
});

describe('isolation', () => {
  it('is found by trying', async () => {
    const rungs = await probeRungs(sandbox.home);
    expect(rungs.map(({ name }) => name)).toEqual(['oci', 'namespaces', 'chroot', 'none']);
    expect(rungs.find(({ name }) => name === 'namespaces')).toMatchObject({ usable: true });
    expect(rungs.every(({ reason }) => reason.length > 0)).toBe(true);
  });

  it('works with a single id', async (ctx) => {
    const opened = await openSandbox({ isolation: 'single' });
    if (typeof opened === 'string') return ctx.skip(opened);
    try {
      expect(
        await opened.text('id -u; echo >/new; cat /proc/self/uid_map | tr -s " "', { commit: 'single' }),
      ).toMatch(/^0\n 0 \d+ 1$/);
      expect(opened.paths(identity('single').id)).toEqual(['new']);
      await expect(opened.run('true', { user: 'node' })).rejects.toMatchObject({ code: 'USER_UNMAPPED' });
    } finally {
      await opened.close();
    }
  });
});
