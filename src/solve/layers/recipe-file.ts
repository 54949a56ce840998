import { rmSync, writeFileSync } from 'node:fs';
import type { LayerIndex } from '../../layer/layer-index.ts';
import { temporaryPath } from '../../store/temporary.ts';
import type { SolveContext } from '../solve-context.ts';

/** Writes a recipe to a file for the worker, which is deleted when the work is done. */
export async function withRecipeFile<T>(
  { store }: SolveContext,
  { bytes }: LayerIndex,
  work: (path: string) => Promise<T>,
): Promise<T> {
  const path = temporaryPath(store.layout, 'recipe');
  writeFileSync(path, bytes);
  try {
    return await work(path);
  } finally {
    rmSync(path, { force: true });
  }
}
