import { describe, expect, test } from 'vitest';
import { sha256 } from '../../../src/image/digest.ts';
import { behaviourChanges, whyUndecided } from '../../../src/optimise/behaviour.ts';
import type { ProbeResult } from '../../../src/probe/probe-result.ts';

function result(more: Partial<ProbeResult> = {}, stdout = ''): ProbeResult {
  const none = { text: '', dropped: 0 };
  return {
    image: sha256('image'),
    rights: 'plain',
    network: 'private',
    outcome: 'answered',
    readyMs: 1,
    listening: [],
    answers: [],
    logs: { stdout: { text: stdout, dropped: 0 }, stderr: none },
    notes: [],
    ...more,
  };
}

const FAILED = { command: 'x', exitCode: 1, output: '' };
const answer = {
  port: 80,
  path: '/',
  status: 200,
  headers: {},
  body: { digest: sha256('a'), size: 1, truncated: false },
};

describe('whyUndecided', () => {
  test.each<[string, Partial<ProbeResult>, string | undefined]>([
    ['an answer', { answers: [answer] }, undefined],
    ['a command that ends well', { outcome: 'ended', exitCode: 0 }, undefined],
    ['a command that fails', { outcome: 'ended', exitCode: 3 }, "the image's command ended with exit code 3"],
    ['silence', { outcome: 'silent' }, 'the image did not answer on its exposed ports'],
    [
      'nothing to ask',
      {},
      'the image has no port and no health check, and its command runs on: there is nothing to ask',
    ],
    ['a test that fails from the start', { test: FAILED }, '--test fails for the Dockerfile as it is'],
    ['a test that passes', { test: { ...FAILED, exitCode: 0 } }, undefined],
  ])('%s', (_, more, expected) => {
    expect(whyUndecided(result(more))).toBe(expected);
  });
});

describe('behaviourChanges', () => {
  const stop = (exitCode: number, killed = false) => ({
    stop: { signal: 'SIGTERM', ms: 1, exitCode, killed },
  });

  test('another exit code after the stop signal is allowed, ignoring the signal is not', () => {
    expect(behaviourChanges(result(stop(143)), result(stop(0)))).toEqual([]);
    expect(behaviourChanges(result(stop(0)), result(stop(0, true)))).toEqual([
      'stop: ended with exit code 0 → ignored SIGTERM',
    ]);
  });

  test('the output counts of a command that ends, and not of a service', () => {
    const ended = { outcome: 'ended', exitCode: 0 } as const;
    expect(behaviourChanges(result(ended, 'one'), result(ended, 'two'))).toHaveLength(1);
    expect(
      behaviourChanges(result({ answers: [answer] }, 'one'), result({ answers: [answer] }, 'two')),
    ).toEqual([]);
  });
});
