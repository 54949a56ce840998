import type { Digest } from '../../image/digest.ts';
import type { CopyStep } from '../../plan/plan.ts';
import type { SolvedLayer } from '../graph.ts';
import { CopySolver } from './copy-solver.ts';
import type { Observations, OpStage, SelectedFiles } from './op.ts';
import { type ListedLayer, RecipeOp } from './recipe-op.ts';

/** COPY and ADD. */
export class CopyOp extends RecipeOp<CopyStep> {
  readonly #solver: CopySolver;

  constructor(step: CopyStep, stage: OpStage) {
    super(step, stage);
    this.#solver = new CopySolver(stage.selecting, stage.graph, step, stage.onTransfer);
  }

  /** A COPY --link does not read the layers below. */
  get readsBelow(): boolean {
    return !this.step.link;
  }

  source(): Promise<Digest> {
    return this.#solver.definition();
  }

  glance(below: readonly SolvedLayer[]): Promise<Observations | undefined> {
    return this.#solver.remembered(below);
  }

  selected(): Promise<(SelectedFiles | undefined)[]> {
    return this.#solver.selectedBySource();
  }

  observe(below: readonly SolvedLayer[]): Promise<ListedLayer> {
    return this.#solver.observe(below);
  }
}
