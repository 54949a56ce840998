import type { Plan, PlannedStage, Step } from '../plan/plan.ts';
import { stagesReadBy } from '../solve/files-read.ts';

/** How long a step takes when it runs, in milliseconds; undefined when it never ran. */
export type StepTime = (step: Step) => number | undefined;

/** The time of one build. */
export interface RebuildTime {
  /** Milliseconds of the steps whose time is known, stages that do not wait for each other at the same time. */
  ms: number;
  /** Steps that run and never ran before: their time is not in it. */
  unknown: Step[];
}

/** How long a build takes in which some steps run: along the stages that wait for each other. */
export function rebuildTime(plan: Plan, runs: (step: Step) => boolean, time: StepTime): RebuildTime {
  const ends = new Map<PlannedStage, number>();
  const unknown: Step[] = [];
  for (const stage of plan.stages) {
    let at = stage.base.kind === 'stage' ? (ends.get(stage.base.stage) ?? 0) : 0;
    for (const step of stage.steps) {
      if (!runs(step)) continue;
      for (const read of stagesReadBy(step)) at = Math.max(at, ends.get(read) ?? 0);
      const ms = time(step);
      // Files are copied in no time worth a forecast: only commands have to have been seen.
      if (ms === undefined && step.kind === 'run') unknown.push(step);
      at += ms ?? 0;
    }
    ends.set(stage, at);
  }
  return { ms: ends.get(plan.target) ?? 0, unknown };
}

/** The value below which a share of all values lies: the smallest one that is enough. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
