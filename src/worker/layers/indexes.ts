import type { LayerIndex } from '../../layer/layer-index.ts';
import { Layers } from '../../store/layers.ts';
import type { WorkerContext } from '../worker-context.ts';

const indexes = new Map<string, LayerIndex>();

/** The index of a layer. Indexes never change: each is read once. */
export function indexOf(ctx: WorkerContext, id: string): LayerIndex {
  let index = indexes.get(id);
  if (index === undefined) {
    index = new Layers(ctx.layout).index(id);
    indexes.set(id, index);
  }
  return index;
}
