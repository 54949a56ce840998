import type { BuildTimings, TimedPart } from '../../../src/events/timings.ts';

/** A part of a build that was worked on at these times. */
export function part(
  id: string,
  busy: readonly (readonly [number, number])[],
  needs: string[] = [],
  sameAs?: string,
): TimedPart {
  const kind = id === 'plan' ? 'plan' : id.startsWith('export ') ? 'export' : 'step';
  const stage = kind === 'step' ? { stage: id.replace(/\/.*/, ''), outcome: 'done' as const } : {};
  return {
    ...{ id, kind, title: id, needs, phases: [] },
    ...stage,
    ...(sameAs === undefined ? {} : { sameAs }),
    busy: [...busy].sort(([a], [b]) => a - b).map(([startMs, endMs]) => ({ startMs, endMs })),
  };
}

export function timingsOf(parts: TimedPart[]): BuildTimings {
  const durationMs = Math.max(0, ...parts.flatMap(({ busy }) => busy.map(({ endMs }) => endMs)));
  return { startedAt: 1_700_000_000_000, durationMs, parts };
}

/** A build with two stages, a shared base image, phases of all kinds and an export. */
export function sample(): BuildTimings {
  const base = part('a/1', [[10, 3000]]);
  base.title = '[a 1/3] FROM node:20';
  base.phases = [
    { phase: 'fetch', startMs: 10, endMs: 2000 },
    { phase: 'unpack', startMs: 2000, endMs: 3000 },
  ];
  const run = part('a/2', [[3000, 9000]], ['a/1']);
  run.title = '[a 2/3] RUN npm ci';
  run.phases = [
    { phase: 'materialise', startMs: 3000, endMs: 3200 },
    { phase: 'start', startMs: 3200, endMs: 3300 },
    { phase: 'run', startMs: 3300, endMs: 8500 },
    { phase: 'scan', startMs: 8500, endMs: 9000 },
    { phase: 'pack', startMs: 9100, endMs: 9900 },
  ];
  return timingsOf([
    part('plan', [[0, 10]]),
    base,
    run,
    part('a/3', [[9000, 9020]], ['a/2']),
    part('b/1', [[10, 3000]], [], 'a/1'),
    { ...part('b/2', [[3000, 4000]], ['b/1']), title: '[b 2/2] RUN lint' },
    part('export image', [[9020, 10000]]),
  ]);
}
