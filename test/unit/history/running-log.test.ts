import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { masked, maskedStart } from '../../../src/build/secret-forms.ts';
import type { LogEntry } from '../../../src/history/build-record.ts';
import { RunningLog, runningLogEntries } from '../../../src/history/running-log.ts';
import { tempDir } from '../../support/temp-dir.ts';

const all = (text: string) => ({ shown: text, rest: '' });
const read = (path: string) => runningLogEntries(readFileSync(path));

describe('the log of a running build', () => {
  let path: string;
  beforeEach(() => {
    path = join(tempDir(), 'log.jsonl');
    vi.useFakeTimers();
  });
  afterEach(() => vi.useRealTimers());

  it('is written soon, and step by step when it is read', () => {
    const log = new RunningLog(path, all);
    log.add('a/1', 'stdout', 'one ');
    log.add('b/1', 'stdout', 'other');
    log.add('a/1', 'stdout', 'two ');
    vi.advanceTimersByTime(200);
    log.add('a/1', 'stdout', 'three');
    log.add('a/1', 'stderr', 'four');
    vi.advanceTimersByTime(200);
    expect(read(path)).toEqual([
      { step: 'a/1', stream: 'stdout', text: 'one two three' },
      { step: 'a/1', stream: 'stderr', text: 'four' },
      { step: 'b/1', stream: 'stdout', text: 'other' },
    ]);
    log.close();
  });

  it('has no more than its limit', () => {
    const log = new RunningLog(path, all);
    for (let i = 0; i < 400; i++) log.add('a/1', 'stdout', 'x'.repeat(64 * 1024));
    expect(statSync(path).size).toBeLessThan(17 * 1024 * 1024);
    expect(statSync(path).size).toBeGreaterThan(15 * 1024 * 1024);
  });

  it('costs the build nothing when it cannot be written', () => {
    const log = new RunningLog(join(path, 'missing', 'log'), all);
    for (let i = 0; i < 2; i++) {
      expect(() => log.add('a/1', 'stdout', 'x'.repeat(1 << 20))).not.toThrow();
    }
    log.close();
  });

  it('is read without its damaged entries', () => {
    const entry: LogEntry = { step: 'a/1', stream: 'stdout', text: 'one\n' };
    const line = JSON.stringify(entry);
    const odd = ['null', '{"step":1}', '{"step":"a","stream":"x","text":"y"}', '\0\0\0', ''];
    writeFileSync(path, `${[line, ...odd].join('\n')}\n${line.slice(0, 20)}`);
    expect(read(path)).toEqual([entry]);
  });

  it('has no secret, however its output was cut', () => {
    const secret = 'Zq7-secret-value-9';
    const secrets = new Map([['npmrc', Buffer.from(secret)]]);
    const piece = fc.oneof(
      fc.nat(secret.length).map((at) => secret.slice(0, at)),
      fc.nat(secret.length).map((at) => secret.slice(at)),
      fc.constant(secret),
      fc.constant(Buffer.from(secret).toString('base64')),
      fc.string({ maxLength: 5 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const split = maskedStart(secrets);
        let [shown, rest] = ['', ''];
        for (const one of pieces) {
          const next = split(rest + one, false);
          shown += next.shown;
          rest = next.rest;
        }
        expect(shown + split(rest, true).shown).toBe(masked(secrets)(pieces.join('')));
      }),
      { numRuns: 500 },
    );
  });
});
