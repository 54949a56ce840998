import { rmSync, writeFileSync } from 'node:fs';
import type { LayerIndex } from '../../layer/layer-index.ts';
import { temporaryPath } from '../../store/temporary.ts';
import type { SolveContext } from '../solve-context.ts';

/** Runs work with a temporary file of a recipe, for the worker. */
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
