import { located } from '../../errors/locate.ts';
import type { WorkdirStep } from '../../plan/plan.ts';
import { placeDirectory } from '../copy/placement.ts';
import type { SolvedLayer } from '../graph.ts';
import { readOwner } from '../owner.ts';
import { type ListedLayer, RecipeOp } from './recipe-op.ts';

/** WORKDIR: adds the part of its path that is missing, owned by the stage's user as in BuildKit. */
export class WorkdirOp extends RecipeOp<WorkdirStep> {
  readonly readsBelow = true;

  async source(): Promise<undefined> {}

  async selected(): Promise<[]> {
    return [];
  }

  async glance(): Promise<undefined> {}

  observe(below: readonly SolvedLayer[]): Promise<ListedLayer> {
    const { step } = this;
    const { context, graph } = this.stage;
    return located(step, async () => {
      const { user, path } = step;
      const { observations, entries } = await placeDirectory(await graph.tree(below), path, {
        time: context.time,
        ...(user === ''
          ? {}
          : {
              owner: () => readOwner(context, graph, below, { spec: user, origin: `USER ${user}`, step }),
            }),
      });
      return { observations: { ...observations }, entries };
    });
  }
}
