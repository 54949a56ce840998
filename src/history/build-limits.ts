import type { BuildName, BuildStore } from './build-store.ts';

/** How many builds are kept, how long, and how much room they may take. */
const KEPT_BUILDS = 500;
const KEPT_MS = 90 * 24 * 60 * 60 * 1000;
const KEPT_BYTES = 256 * 1024 * 1024;

/** A build that runs may not have named yet what it has written. */
const GRACE_MS = 24 * 60 * 60 * 1000;

/** Removes builds that are too old or too many. Cheap where there is nothing to do: reads names only. */
export function trimBuilds(store: BuildStore, now = Date.now()): void {
  const names = store.names();
  const doomed = names.filter(({ startedMs }, at) => at >= KEPT_BUILDS || now - startedMs > KEPT_MS);
  // A few at a time cost each build something: many at once now and then.
  if (doomed.length < 20 && doomed.length < names.length / 10) return;
  removeBuilds(store, doomed);
  store.sweep(GRACE_MS);
}

/** Removes the oldest builds while all of them take too much room. */
export function trimSize(store: BuildStore): void {
  if (store.size() <= KEPT_BYTES) return;
  const names = store.names();
  for (
    let kept = Math.floor(names.length / 2);
    store.size() > KEPT_BYTES && kept > 0;
    kept = Math.floor(kept / 2)
  ) {
    removeBuilds(store, store.names().slice(kept));
    store.sweep(GRACE_MS);
  }
}

/**
 * Deletes builds that began before a time, as a part of pruning: nobody builds meanwhile.
 *
 * @param beforeMs milliseconds since 1970
 */
export function pruneBuilds(store: BuildStore, beforeMs: number): { builds: number; bytes: number } {
  const doomed = store.names().filter(({ startedMs }) => startedMs < beforeMs);
  if (doomed.length === 0) return { builds: 0, bytes: 0 };
  const size = store.size();
  const left = new Set(
    store.names().flatMap((one) => (doomed.some(({ id }) => id === one.id) ? [] : one.project)),
  );
  const stages = new Map<string, Set<string>>();
  for (const one of doomed) {
    if (left.has(one.project)) continue;
    const known = stages.get(one.project) ?? new Set(store.prunedStages(one.project));
    for (const { stage } of store.read(one)?.steps ?? []) if (stage !== '') known.add(stage);
    stages.set(one.project, known);
  }
  removeBuilds(store, doomed);
  store.sweep();
  for (const [project, names] of stages) store.notePruned(project, [...names]);
  return { builds: doomed.length, bytes: Math.max(0, size - store.size()) };
}

function removeBuilds(store: BuildStore, names: readonly BuildName[]): void {
  for (const name of names) store.remove(name);
}
