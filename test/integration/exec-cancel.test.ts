import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  childrenOf,
  eventually,
  marker,
  openSandbox,
  processesWith,
  type TestSandbox,
  WORKER_MODES,
} from '../support/sandbox.ts';
import { sample } from '../support/thorough.ts';

describe.each(sample(WORKER_MODES, 2))('$name', ({ options }) => {
  let sandbox: TestSandbox;

  beforeEach(async (ctx) => {
    const opened = await openSandbox(options);
    if (typeof opened === 'string') ctx.skip(opened);
    else sandbox = opened;
  });
  afterEach(() => sandbox?.remove());

  /** The worker's process: the child of this one that works on the sandbox's store. */
  const workerPid = () => processesWith(sandbox.home).find((pid) => childrenOf(process.pid).includes(pid))!;

  /** Three processes of which one is a daemon that has closed everything. */
  const family = (mark: string) =>
    `sleep ${mark} & (setsid sleep ${mark} </dev/null >/dev/null 2>&1 &); echo started; trap "" TERM INT; sleep ${mark}; wait`;

  describe('a command that is cancelled', () => {
    it('is killed with everything that it started, and nothing of it is kept', async () => {
      const mark = marker();
      const cancel = new AbortController();
      const run = sandbox.run(family(mark), {
        signal: cancel.signal,
        commit: 'cancelled',
        onText: () => cancel.abort(new Error('enough')),
      });
      await expect(run).rejects.toThrow('enough');
      expect(processesWith(mark)).toEqual([]);
      expect(sandbox.temporaries()).toEqual([]);
      expect(await sandbox.text('echo the worker goes on')).toBe('the worker goes on');
      await sandbox.worker.close();
    });

    it('may not even have started', async () => {
      await expect(sandbox.run('true', { signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no');
      const cancel = new AbortController();
      const run = sandbox.run('sleep 1000', { signal: cancel.signal });
      cancel.abort(new Error('changed my mind'));
      await expect(run).rejects.toThrow('changed my mind');
      expect(sandbox.temporaries()).toEqual([]);
      await sandbox.worker.close();
    });

    it('leaves the others alone', async () => {
      const cancel = new AbortController();
      const one = sandbox.run('echo; sleep 1000', {
        signal: cancel.signal,
        onText: () => cancel.abort(new Error('one')),
      });
      const two = sandbox.run('sleep 0.5; echo two');
      await expect(one).rejects.toThrow('one');
      expect(await two).toMatchObject({ exitCode: 0, stdout: 'two\n' });
      await sandbox.worker.close();
    });
  });

  describe('signals', () => {
    it('reach the command', async () => {
      const run = sandbox.run('trap "echo got; exit 3" TERM; echo ready; while :; do sleep 0.05; done', {
        onText: (text) => text.includes('ready') && sandbox.worker.kill('SIGTERM'),
      });
      expect(await run).toMatchObject({ exitCode: 3, stdout: 'ready\ngot\n' });
      await sandbox.worker.close();
    });
  });

  describe('when the worker ends', () => {
    it('ends its commands when it is closed', async () => {
      const mark = marker();
      const run = sandbox.run(family(mark), { onText: () => void sandbox.worker.close() });
      await expect(run).rejects.toMatchObject({ code: 'WORKER_CLOSED' });
      expect(processesWith(mark)).toEqual([]);
      expect(sandbox.temporaries()).toEqual([]);
      await expect(sandbox.run('true')).rejects.toMatchObject({ code: 'WORKER_CLOSED' });
    });

    it('when the worker is killed, commands end and callers get an error', async () => {
      const mark = marker();
      const run = sandbox.run(family(mark), { onText: () => process.kill(workerPid(), 'SIGKILL') });
      await expect(run).rejects.toMatchObject({
        code: 'WORKER_DIED',
        message: expect.stringContaining('SIGKILL'),
        hint: expect.any(String),
      });
      await eventually('all processes of the command are gone', () => processesWith(mark).length === 0);
      await expect(sandbox.run('true')).rejects.toMatchObject({ code: 'WORKER_DIED' });
    });

    it('when the worker is killed, the next one sweeps its leftovers', async () => {
      await expect(
        sandbox.run('echo >/x; echo', { onText: () => process.kill(workerPid(), 'SIGKILL') }),
      ).rejects.toMatchObject({ code: 'WORKER_DIED' });
      const { startWorker } = await import('../../src/host/client.ts');
      const next = await startWorker({ home: sandbox.home });
      await eventually('the temporary files are gone', () => sandbox.temporaries().length === 0);
      await next.close();
    });
  });
});
