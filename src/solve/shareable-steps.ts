import type { SharedStep } from '../cache/export-cache.ts';
import type { Digest } from '../image/digest.ts';
import type { Descriptor } from '../image/types.ts';
import type { Step } from '../plan/plan.ts';
import type { SolvedLayer } from './graph.ts';
import type { KnownLayers } from './known-layers.ts';
import { SharedLayer } from './layers/shared.ts';
import type { SolveContext } from './solve-context.ts';

/** A step of a solved stage, with its definition digest and its layer. */
export interface SolvedStep {
  step: Step;
  definition: Digest;
  layer: SolvedLayer;
}

/** Solved steps for a cache of other machines, without those that have no record. */
export async function shareableSteps(
  { store, shared, fetchBlob }: SolveContext,
  known: KnownLayers,
  solved: readonly SolvedStep[],
): Promise<SharedStep[]> {
  const steps: SharedStep[] = [];
  for (const { step, definition, layer: found } of solved) {
    const key = store.records.use(definition)?.key ?? shared?.step(definition)?.step.key;
    const layer = known.layerRecord(found.id);
    if (key === undefined || layer === undefined) continue;
    const identity = { definition, key, title: step.title };
    const elsewhere = known.elsewhere(layer.id);
    if (elsewhere !== undefined) {
      // A layer that only another cache has is passed on as it is.
      const { packed, index } = elsewhere;
      const fetch = (blob: Descriptor) => {
        const fetching = shared!.fetch(elsewhere, blob);
        return found instanceof SharedLayer ? found.orLost(fetching) : fetching;
      };
      steps.push({ step: identity, layer, packed, index, fetch });
      continue;
    }
    const packed = await found.blob();
    steps.push({ step: identity, layer, packed, index: () => found.index(), fetch: fetchBlob });
  }
  return steps;
}
