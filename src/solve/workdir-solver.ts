import type { RecipeEntry } from '../layer/entry.ts';
import type { WorkdirStep } from '../plan/plan.ts';
import { placeDirectory } from './copy/place.ts';
import type { SolvedLayer, StepGraph } from './graph.ts';

/** What WORKDIR sees and adds: the part of its path that is missing, owned by root as in BuildKit. */
export async function observeWorkdir(
  graph: StepGraph,
  step: WorkdirStep,
  below: readonly SolvedLayer[],
  time: number,
): Promise<{ observations: Record<string, unknown>; entries: RecipeEntry[] }> {
  const { observations, entries } = placeDirectory(await graph.tree(below), step.path, time);
  return { observations: { ...observations }, entries };
}
