import type { CopyFrom, PlannedStage, Step } from '../plan/plan.ts';

/** The sources of files that a step reads, besides the layers below it. */
export function filesReadBy(step: Step): CopyFrom[] {
  const own = 'from' in step ? [step.from] : [];
  const mounts = 'mounts' in step ? step.mounts : [];
  return [...own, ...mounts.flatMap((mount) => ('from' in mount ? (mount.from ?? []) : []))];
}

/** The stages that a step reads files from. */
export function stagesReadBy(step: Step): PlannedStage[] {
  return filesReadBy(step).flatMap((from) => (from.kind === 'stage' ? [from.stage] : []));
}
