import type { Phase } from '../events/phase.ts';
import type { TimedPart, TimeSpan } from '../events/timings.ts';

/** What a part took. Milliseconds; `startMs` from the beginning of the build. */
export interface PartTimes {
  startMs: number;
  /** Without waiting. */
  ownMs: number;
  /** Each phase that it had, in the order of their beginnings. */
  phases: Map<Phase, number>;
}

export function partTimes({ busy, phases }: TimedPart): PartTimes {
  const sums = new Map<Phase, number>();
  for (const span of phases) sums.set(span.phase, (sums.get(span.phase) ?? 0) + lengthOf(span));
  return {
    startMs: busy[0]?.startMs ?? phases[0]?.startMs ?? 0,
    ownMs: totalOf(busy),
    phases: sums,
  };
}

export function totalOf(spans: readonly TimeSpan[]): number {
  return spans.reduce((sum, span) => sum + lengthOf(span), 0);
}

export function lengthOf({ startMs, endMs }: TimeSpan): number {
  return endMs - startMs;
}
