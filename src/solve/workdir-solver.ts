import { located } from '../errors/locate.ts';
import type { RecipeEntry } from '../layer/entry.ts';
import { resolvePath } from '../layer/tree.ts';
import type { WorkdirStep } from '../plan/plan.ts';
import type { SolveContext } from './context.ts';
import { placeDirectory } from './copy/place.ts';
import type { SolvedLayer, StepGraph } from './graph.ts';
import { readOwner } from './owner.ts';

/** What WORKDIR sees and adds: the part of its path that is missing, owned by the stage's user as in BuildKit. */
export function observeWorkdir(
  context: SolveContext,
  graph: StepGraph,
  step: WorkdirStep,
  below: readonly SolvedLayer[],
): Promise<{ observations: Record<string, unknown>; entries: RecipeEntry[] }> {
  return located(step, async () => {
    const { user, path } = step;
    const tree = await graph.tree(below);
    // Whose it would be is only asked when there is something to make.
    const exists = resolvePath(tree, path).entry?.type === 'directory';
    const owner =
      user === '' || exists
        ? undefined
        : await readOwner(context, graph, below, { spec: user, origin: `USER ${user}`, step });
    const { observations, entries } = placeDirectory(tree, path, context.time, owner);
    return { observations: { ...observations }, entries };
  });
}
