import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/image/digest.ts';
import { compareResults } from '../../../src/probe/compare-results.ts';
import type { HttpAnswer, ProbeResult } from '../../../src/probe/probe-result.ts';

const NOTHING = { text: '', dropped: 0 };

function answer(body: string, more: Partial<HttpAnswer> = {}): HttpAnswer {
  const size = body.length;
  return {
    port: 3000,
    path: '/',
    status: 200,
    headers: { 'content-type': 'text/plain', date: 'now' },
    body: { digest: sha256(body), size, truncated: false },
    ...more,
  };
}

function result(more: Partial<ProbeResult> = {}): ProbeResult {
  return {
    image: sha256('image'),
    rights: 'plain',
    network: 'private',
    outcome: 'answered',
    readyMs: 12,
    listening: [{ address: '::', port: 3000 }],
    answers: [answer('hello')],
    logs: { stdout: NOTHING, stderr: NOTHING },
    stop: { signal: 'SIGTERM', ms: 10, exitCode: 143, killed: false },
    notes: [],
    ...more,
  };
}
const subjects = (after: Partial<ProbeResult>, before: Partial<ProbeResult> = {}) =>
  compareResults(result(before), result(after)).map(({ subject }) => subject);
const stderr = (text: string) => ({ logs: { stdout: NOTHING, stderr: { text, dropped: 0 } } });

describe('compareResults', () => {
  it('finds no difference between a result and itself', () => {
    const body = fc.string();
    fc.assert(
      fc.property(body, body, fc.integer({ min: 100, max: 599 }), (text, log, status) => {
        const one = result({ answers: [answer(text, { status })], ...stderr(log) });
        expect(compareResults(one, structuredClone(one))).toEqual([]);
      }),
    );
  });

  it('ignores times, and headers that differ from answer to answer', () => {
    const headers = { 'content-type': 'text/plain', date: 'later', etag: '"1"', 'x-request-id': '7' };
    expect(subjects({ readyMs: 900, answers: [answer('hello', { headers })] })).toEqual([]);
  });

  it('names each respect of an answer that differs', () => {
    const headers = { 'content-type': 'text/html' };
    expect(subjects({ answers: [answer('bye', { status: 404, headers })] })).toEqual([
      'GET :3000/ status',
      'GET :3000/ header content-type',
      'GET :3000/ body',
    ]);
    expect(subjects({ answers: [answer('', { status: 0, error: 'reset' })] })).toEqual(['GET :3000/ status']);
  });

  it('says how the second image ended', () => {
    const [first] = compareResults(result(), result({ outcome: 'ended', exitCode: 1 }));
    expect(first).toEqual({
      subject: 'outcome',
      before: 'answered',
      after: 'ended with exit code 1',
      isBehaviour: true,
    });
  });

  it('compares ports, checks and the way it stops', () => {
    const failed = { command: 'true', exitCode: 1, output: '' };
    expect(
      subjects(
        { listening: [], health: failed, stop: { signal: 'SIGTERM', ms: 5000, killed: true } },
        { health: { ...failed, exitCode: 0 } },
      ),
    ).toEqual(['listening ports', 'health check', 'stop']);
  });

  it('takes a new line of an error for a change, and other lines for a hint', () => {
    const log = (text: string) => compareResults(result(stderr('up 12:01')), result(stderr(text)));
    expect(log('up 12:55')).toEqual([]);
    expect(log('up 12:55\nready')).toMatchObject([{ subject: 'stderr', isBehaviour: false }]);
    expect(log('up 12:55\nError: EACCES')).toMatchObject([{ subject: 'stderr', isBehaviour: true }]);
  });

  it('ignores what differs between two runs of the first image', () => {
    const [before, again, after] = ['1', '2', '3'].map((body) => result({ answers: [answer(body)] }));
    expect(compareResults(before!, after!)).toHaveLength(1);
    expect(compareResults(before!, after!, again)).toEqual([]);
    expect(compareResults(before!, result({ outcome: 'silent', answers: [] }), again)).toMatchObject([
      { subject: 'outcome' },
      { subject: 'GET :3000/ status' },
    ]);
  });
});
