import { describe, expect, test } from 'vitest';
import { recordedTimes } from '../../../src/build/recorded-times.ts';
import { percentile, rebuildTime } from '../../../src/forecast/rebuild-time.ts';
import type { BuildRecord, BuildStep } from '../../../src/history/build-record.ts';
import type { Plan } from '../../../src/plan/plan.ts';
import { planChecked } from '../../support/plan-checked.ts';

const DOCKERFILE = `FROM scratch AS a
RUN ["a1"]
RUN ["a2"]
FROM scratch AS b
RUN ["b1"]
FROM a
COPY --from=b /x /y
RUN ["c"]
`;

function planned(): Plan {
  return planChecked(DOCKERFILE).plan;
}

const MS: Record<string, number> = { a1: 1000, a2: 2000, b1: 5000, c: 100 };
const time = ({ title }: { title: string }) => MS[/"(\w+)"/.exec(title)?.[1] ?? ''];

describe('the time of a rebuild', () => {
  test('stages that do not wait for each other count once, the longer one', () => {
    expect(rebuildTime(planned(), () => true, time)).toEqual({ ms: 5100, unknown: [] });
    const runs =
      (...names: string[]) =>
      (step: { title: string }) =>
        names.some((name) => step.title.includes(name));
    expect(rebuildTime(planned(), runs('"a', '"c"'), time).ms).toBe(3100);
    // What b makes is not read when nothing that reads it runs.
    expect(rebuildTime(planned(), runs('"c"'), time).ms).toBe(100);
    expect(rebuildTime(planned(), () => false, time).ms).toBe(0);
  });

  test('a command that never ran is named, and counts nothing', () => {
    const { ms, unknown } = rebuildTime(
      planned(),
      () => true,
      (step) => (step.title.includes('b1') ? undefined : time(step)),
    );
    expect([ms, unknown.map(({ title }) => title)]).toEqual([3100, ['RUN ["b1"]']]);
  });

  test('nine of ten', () => {
    expect(percentile([5, 1, 9, 2, 8, 3, 7, 4, 6, 10], 0.9)).toBe(9);
    expect(percentile([4], 0.9)).toBe(4);
    expect(percentile([], 0.9)).toBe(0);
  });

  test('is taken from the latest runs of an instruction, and from no cached one', () => {
    const step = (title: string, outcome: BuildStep['outcome'], durationMs: number) =>
      ({
        id: 'a/1',
        stage: 'a',
        index: 1,
        total: 2,
        title,
        platform: 'linux/amd64',
        outcome,
        durationMs,
      }) as BuildStep;
    const old = Array.from({ length: 40 }, () => ({ steps: [step('RUN ["a1"]', 'done', 9000)] }));
    const latest = Array.from({ length: 20 }, (_, i) => ({
      steps: [
        step('RUN ["a1"]', 'done', i),
        step('RUN ["a2"]', 'cached', 0),
        step('RUN ["a2"]', 'failed', 7),
      ],
    }));
    const known = recordedTimes([...latest, ...old] as BuildRecord[]);
    const [a1, a2] = planned().stages[0]!.steps;
    expect(known(a1!)).toBe(9.5);
    expect(known(a2!)).toBeUndefined();
  });
});
