import { located } from '../../errors/locate.ts';
import type { RecipeEntry } from '../../layer/entry.ts';
import type { WorkdirStep } from '../../plan/plan.ts';
import { placeDirectory } from '../copy/placement.ts';
import type { SolvedLayer, StepGraph } from '../graph.ts';
import { readOwner } from '../owner.ts';
import type { SolveContext } from '../solve-context.ts';

/** What WORKDIR sees and adds: the part of its path that is missing, owned by the stage's user as in BuildKit. */
export function observeWorkdir(
  context: SolveContext,
  graph: StepGraph,
  step: WorkdirStep,
  below: readonly SolvedLayer[],
): Promise<{ observations: Record<string, unknown>; entries: RecipeEntry[] }> {
  return located(step, async () => {
    const { user, path } = step;
    const { observations, entries } = await placeDirectory(await graph.tree(below), path, {
      time: context.time,
      ...(user === ''
        ? {}
        : { owner: () => readOwner(context, graph, below, { spec: user, origin: `USER ${user}`, step }) }),
    });
    return { observations: { ...observations }, entries };
  });
}
