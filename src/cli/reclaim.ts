import { rmSync } from 'node:fs';
import { OnDemandWorker } from '../build/on-demand.ts';
import { pruneBuilds } from '../history/build-limits.ts';
import { BuildStore } from '../history/build-store.ts';
import { familiarName } from '../image/reference.ts';
import type { PruneOptions, PruneReport } from '../store/prune.ts';
import { pruneStore } from '../store/prune.ts';
import type { Store } from '../store/store.ts';

/**
 * Deletes unneeded parts of a store, and with the build cache the records of builds of that age. It takes the store's
 * exclusive lease, so it waits for running builds.
 *
 * @param onWait called once before it waits
 */
export async function reclaim(
  store: Store,
  what: Omit<PruneOptions, 'remove' | 'measure'>,
  onWait: () => void,
  signal: AbortSignal,
): Promise<PruneReport & { builds: number }> {
  const end = await store.leases.prune(onWait, signal);
  const worker = new OnDemandWorker(store, 'auto');
  try {
    const report = await pruneStore(store, {
      ...what,
      measure: async (folders) => (await worker.get()).measure({ folders }),
      remove: (paths) => removeTrees(paths, worker),
    });
    const { builds, bytes } = pruneBuilds(new BuildStore(store.layout), Date.now() - what.unusedForMs);
    return { ...report, builds, reclaimed: report.reclaimed + bytes };
  } finally {
    await worker.close();
    end();
    store.close();
  }
}

/** The report as JSON; sizes in bytes. */
export function reportFacts({ images, ...counts }: PruneReport & { builds: number }) {
  return {
    images: images.map(({ name, manifest }) => ({
      name: name === undefined ? null : familiarName(name),
      digest: manifest.digest,
    })),
    ...counts,
  };
}

/** Deletes trees; the worker, which can do so without root, deletes those with files of other ids. */
async function removeTrees(paths: string[], worker: OnDemandWorker): Promise<void> {
  const refused: string[] = [];
  for (const path of paths) {
    try {
      rmSync(path, { recursive: true, force: true });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EACCES' && code !== 'EPERM') throw error;
      refused.push(path);
    }
  }
  if (refused.length > 0) await (await worker.get()).remove({ paths: refused });
}
