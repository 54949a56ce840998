import { createReadStream, rmSync } from 'node:fs';
import type { RecipeEntry } from '../layer/entry.ts';
import { writeRecipe } from '../layer/recipe.ts';
import type { Worker } from '../protocol/operations.ts';
import type { Store } from '../store/store.ts';
import { temporaryPath } from '../store/temporary.ts';

/**
 * The files of an image as one tar, in canonical order, with owners and times. The worker, which alone can read all of
 * them, first writes it to the store's temporary folder.
 *
 * @param time modification time of all files, in seconds since 1970; undefined: their own
 */
export async function* filesTar(
  store: Store,
  worker: Worker,
  files: RecipeEntry[],
  time: number | undefined,
): AsyncGenerator<Buffer> {
  const recipe = temporaryPath(store.layout, 'recipe');
  const path = temporaryPath(store.layout, 'files.tar');
  try {
    writeRecipe(recipe, time === undefined ? files : files.map((entry) => ({ ...entry, mtime: time })));
    await worker.tar({ recipe, path });
    yield* createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>;
  } finally {
    rmSync(recipe, { force: true });
    rmSync(path, { force: true });
  }
}
