import { describe, expect, it } from 'vitest';
import { afterCheck, type HealthPlan, healthPlan, nextCheck } from '../../../src/run/health.ts';
import type { Health } from '../../../src/store/containers.ts';

const S = 1e9;
const plan = healthPlan({
  Test: ['CMD', 'x'],
  StartPeriod: 10 * S,
  Interval: 7 * S,
  Retries: 2,
}) as HealthPlan;
const times = { start: '', end: '' };
const starting: Health = { status: 'starting', failingStreak: 0, log: [] };

/** The statuses after checks that end with these codes at these ages, in milliseconds. */
function statuses(...checks: [exitCode: number, age: number][]): string[] {
  let health = starting;
  return checks.map(([exitCode, age]) => {
    health = afterCheck(plan, health, { exitCode, output: '', ...times }, age);
    return `${health.status} ${health.failingStreak}`;
  });
}

describe('healthPlan', () => {
  it("has Docker's defaults", () => {
    expect(healthPlan({ Test: ['CMD-SHELL', 'a && b'] })).toEqual({
      args: ['/bin/sh', '-c', 'a && b'],
      interval: 30_000,
      timeout: 30_000,
      startPeriod: 0,
      startInterval: 5000,
      retries: 3,
    });
    expect(healthPlan({ Test: ['CMD-SHELL', 'a'] }, ['/bin/ash', '-ec'])?.args).toEqual([
      '/bin/ash',
      '-ec',
      'a',
    ]);
    expect(healthPlan({ Test: ['CMD', 'a', 'b c'], Timeout: 5e8 })).toMatchObject({
      args: ['a', 'b c'],
      timeout: 500,
    });
  });

  it.each([[undefined], [{ Test: ['NONE'] }], [{ Test: [] }], [{ Test: ['CMD'] }]])(
    'of %j is none',
    (check) => {
      expect(healthPlan(check)).toBeUndefined();
    },
  );
});

describe('health', () => {
  it('is bad after so many failures in a row', () => {
    expect(statuses([1, 20_000], [0, 21_000], [1, 22_000], [-1, 23_000], [0, 24_000])).toEqual([
      'starting 1',
      'healthy 0',
      'healthy 1',
      'unhealthy 2',
      'healthy 0',
    ]);
  });

  it('does not count failures of the start period, until a check succeeds', () => {
    expect(statuses([1, 1000], [1, 2000], [1, 9999])).toEqual(['starting 0', 'starting 0', 'starting 0']);
    expect(statuses([1, 1000], [0, 2000], [1, 3000], [1, 4000]).at(-1)).toBe('unhealthy 2');
  });

  it('is looked at more often in the start period', () => {
    expect(nextCheck(plan, starting, 0)).toBe(5000);
    expect(nextCheck(plan, starting, 10_000)).toBe(7000);
    expect(nextCheck(plan, { ...starting, status: 'healthy' }, 0)).toBe(7000);
  });

  it('keeps the last five results, shortened', () => {
    let health = starting;
    for (let exitCode = 1; exitCode <= 7; exitCode++) {
      health = afterCheck(plan, health, { exitCode, output: 'x'.repeat(10_000), ...times }, 99_999);
    }
    expect(health.log.map(({ exitCode }) => exitCode)).toEqual([3, 4, 5, 6, 7]);
    expect(health.log[0]!.output).toHaveLength(4096);
  });
});
