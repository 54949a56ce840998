import type { CopyFrom, Step } from '../plan/plan.ts';

/** The places that a step reads files from, apart from the layers below it. */
export function filesReadBy(step: Step): CopyFrom[] {
  const own = 'from' in step ? [step.from] : [];
  const mounts = 'mounts' in step ? step.mounts : [];
  return [...own, ...mounts.flatMap((mount) => ('from' in mount ? (mount.from ?? []) : []))];
}
