import { describe, expect, it } from 'vitest';
import { mergeScopes } from '../../../src/registry/authorizer.ts';
import { parallel } from '../../../src/registry/parallel.ts';
import { isConnectionError, retryAfter, retrying, Transient } from '../../../src/registry/retry.ts';

const policy = { attempts: 3, firstWaitMs: 1, maxWaitMs: 1000 };

describe('trying again', () => {
  it('ends with the first success', async () => {
    const result = await retrying(policy, undefined, async (number) => {
      if (number < 2) throw new Transient(new Error('no'));
      return number;
    });
    expect(result).toBe(2);
  });

  it('ends with the error itself after the last try', async () => {
    let tries = 0;
    const attempt = async () => {
      tries++;
      throw new Transient(new Error('final'));
    };
    await expect(retrying(policy, undefined, attempt)).rejects.toThrow('final');
    expect(tries).toBe(3);
  });

  it('does not repeat other errors, nor wait for a server that asks for too much', async () => {
    let tries = 0;
    const fail = (error: Error) => async () => {
      tries++;
      throw error;
    };
    await expect(retrying(policy, undefined, fail(new Error('bug')))).rejects.toThrow('bug');
    await expect(retrying(policy, undefined, fail(new Transient(new Error('later'), 5000)))).rejects.toThrow(
      'later',
    );
    expect(tries).toBe(2);
  });

  it('stops when aborted', async () => {
    const abort = new AbortController();
    const attempt = async () => {
      abort.abort();
      throw new Transient(new Error('no'));
    };
    await expect(retrying(policy, abort.signal, attempt)).rejects.toThrow(/abort/i);
  });

  it('knows connection errors', () => {
    expect(isConnectionError(Object.assign(new Error(), { code: 'ECONNRESET' }))).toBe(true);
    expect(isConnectionError(Object.assign(new Error(), { code: 'HPE_INVALID_CONSTANT' }))).toBe(true);
    expect(isConnectionError(Object.assign(new Error(), { code: 'ENOENT' }))).toBe(false);
    expect(
      isConnectionError(new AggregateError([Object.assign(new Error(), { code: 'ECONNREFUSED' })])),
    ).toBe(true);
    expect(isConnectionError(undefined)).toBe(false);
  });

  it('reads Retry-After', () => {
    expect(retryAfter('3')).toBe(3000);
    expect(retryAfter('Thu, 01 Jan 1970 00:00:10 GMT', 4000)).toBe(6000);
    expect(retryAfter('Thu, 01 Jan 1970 00:00:10 GMT', 40_000)).toBe(0);
    expect(retryAfter('soon')).toBeUndefined();
    expect(retryAfter(undefined)).toBeUndefined();
  });
});

describe('scopes', () => {
  it('are merged by name', () => {
    expect(mergeScopes(['repository:a:pull', 'repository:b:pull', 'repository:a:pull,push'])).toEqual([
      'repository:a:pull,push',
      'repository:b:pull',
    ]);
  });
});

describe('working in parallel', () => {
  it('keeps to the limit and does everything', async () => {
    let running = 0;
    let most = 0;
    const done: number[] = [];
    await parallel([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
      most = Math.max(most, ++running);
      await new Promise(setImmediate);
      running--;
      done.push(item);
    });
    expect(done.sort()).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(most).toBe(3);
  });

  it('starts nothing after a failure, but waits for running work', async () => {
    const started: number[] = [];
    let ended = 0;
    const work = parallel([1, 2, 3, 4, 5], 2, async (item) => {
      started.push(item);
      if (item === 1) throw new Error('first');
      await new Promise(setImmediate);
      ended++;
    });
    await expect(work).rejects.toThrow('first');
    expect(started).toEqual([1, 2]);
    expect(ended).toBe(1);
  });
});
