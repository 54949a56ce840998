import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BuildTimings, TimedPart } from '../../../src/events/timings.ts';
import { criticalPath, parallelism } from '../../../src/timings/critical-path.ts';
import { part, timingsOf } from './parts.ts';

const titles = (timings: BuildTimings) =>
  criticalPath(timings).map(({ part, startMs, endMs }) => [part.id, startMs, endMs]);

describe('the critical path', () => {
  test('leads through what was waited for, not through what was long', () => {
    const timings = timingsOf([
      part('plan', [[0, 10]]),
      part('a/1', [[10, 110]]),
      part('b/1', [[10, 900]]),
      part('a/2', [[110, 1000]], ['a/1']),
      part('export image', [[1000, 1100]]),
    ]);
    expect(titles(timings)).toEqual([
      ['plan', 0, 10],
      ['a/1', 10, 110],
      ['a/2', 110, 1000],
      ['export image', 1000, 1100],
    ]);
  });

  test('has an image that a later step asked for between the steps', () => {
    const timings = timingsOf([
      part('plan', [[0, 10]]),
      part('a/1', [
        [10, 20],
        [50, 500],
      ]),
      part('a/2', [[20, 50]], ['a/1']),
      part('a/3', [[500, 600]], ['a/2', 'a/1']),
    ]);
    expect(titles(timings)).toEqual([
      ['plan', 0, 10],
      ['a/1', 10, 20],
      ['a/2', 20, 50],
      ['a/1', 50, 500],
      ['a/3', 500, 600],
    ]);
  });

  test('goes through the work of an image that two stages share', () => {
    const timings = timingsOf([
      part('plan', [[0, 10]]),
      part('a/1', [[10, 300]]),
      part('b/1', [[10, 300]], [], 'a/1'),
      part('b/2', [[300, 400]], ['b/1']),
    ]);
    expect(titles(timings)).toEqual([
      ['plan', 0, 10],
      ['a/1', 10, 300],
      ['b/2', 300, 400],
    ]);
    expect(parallelism(timings)).toEqual({ workMs: 400, average: 1 });
  });

  test('is in order, no longer than the build, and of work that was done', () => {
    const time = fc.tuple(fc.nat(1000), fc.nat(300)).map(([at, ms]) => [at, at + ms] as const);
    const one = fc.tuple(
      fc.constantFrom('a', 'b', 'c'),
      fc.array(time, { maxLength: 3 }),
      fc.array(fc.nat(9)),
    );
    fc.assert(
      fc.property(fc.array(one, { maxLength: 10 }), (made) => {
        const id = (at: number) => `${made[at]?.[0]}/${at}`;
        const parts = made.map(
          ([, busy, needs], at): TimedPart =>
            part(id(at), busy, needs.filter((other) => other < made.length).map(id)),
        );
        const path = criticalPath(timingsOf(parts));
        expect(path.length > 0).toBe(parts.some(({ busy }) => busy.length > 0));
        for (const [i, { part: on, startMs, endMs }] of path.entries()) {
          expect(on.busy).toContainEqual({ startMs, endMs });
          if (i > 0) expect(startMs).toBeGreaterThan(path[i - 1]!.startMs);
        }
        const ends = parts.flatMap(({ busy }) => busy.map(({ endMs }) => endMs));
        if (path.length > 0) expect(path.at(-1)?.endMs).toBe(Math.max(...ends));
      }),
    );
  });
});
