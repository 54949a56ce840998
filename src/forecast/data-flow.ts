import type { Plan, PlannedStage } from '../plan/plan.ts';
import { filesReadBy, stagesReadBy } from '../solve/files-read.ts';

/** By step: the steps whose files of the build context can make it run, itself included. */
export function contextReadersOf(plan: Plan): Map<string, Set<string>> {
  const byStep = new Map<string, Set<string>>();
  const byStage = new Map<PlannedStage, Set<string>>();
  for (const stage of plan.stages) {
    const below = new Set(stage.base.kind === 'stage' ? byStage.get(stage.base.stage) : []);
    for (const step of stage.steps) {
      const own = new Set<string>();
      if (filesReadBy(step).some(({ kind }) => kind === 'context')) own.add(step.id);
      for (const read of stagesReadBy(step)) for (const id of byStage.get(read) ?? []) own.add(id);
      // A COPY floats; a command sees everything below it.
      if (step.kind === 'run') for (const id of below) own.add(id);
      byStep.set(step.id, own);
      for (const id of own) below.add(id);
    }
    byStage.set(stage, below);
  }
  return byStep;
}
