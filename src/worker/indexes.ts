import { readFileSync } from 'node:fs';
import { LayerIndex } from '../layer/layer-index.ts';
import type { WorkerContext } from './context.ts';

const indexes = new Map<string, LayerIndex>();

/** The index of a layer. Indexes never change: each is read once. */
export function indexOf(ctx: WorkerContext, id: string): LayerIndex {
  let index = indexes.get(id);
  if (index === undefined) {
    index = LayerIndex.parse(readFileSync(ctx.layout.layerIndex(id)));
    indexes.set(id, index);
  }
  return index;
}
