import { existsSync, realpathSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import type { WorkerContext } from '../worker-context.ts';

/**
 * Deletes files and trees of the store, whatever their owners and modes. Ignores missing paths.
 *
 * @param request.paths absolute; each must lie inside the store, its parents' symlinks resolved
 */
export async function remove(ctx: WorkerContext, request: { paths: string[] }): Promise<void> {
  const home = realpathSync(ctx.layout.home) + sep;
  for (const path of request.paths) {
    const parent = dirname(path);
    if (!existsSync(parent)) continue;
    const real = join(realpathSync(parent), basename(path));
    if (!real.startsWith(home) || real.length === home.length) {
      throw new Error(`${path} is not inside the store ${ctx.layout.home}`);
    }
    await rm(real, { recursive: true, force: true });
  }
}
