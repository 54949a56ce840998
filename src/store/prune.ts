import { renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Digest } from '../image/digest.ts';
import { discardCache } from './cache-mounts.ts';
import { discardFailure, listFailures } from './failures.ts';
import { imageBlobs } from './image-blobs.ts';
import type { StoredImage } from './images.ts';
import type { Store } from './store.ts';
import { readNames, temporaryPath } from './temporary.ts';
import { directorySize } from './usage.ts';

export interface PruneOptions {
  /** Images to remove first: those without a name, all, or none. */
  images: 'none' | 'nameless' | 'all';
  /** Removes only images that got their name more than this many milliseconds ago; default: any. */
  imagesOlderThanMs?: number;
  /**
   * Removes step records that no build has used for this many milliseconds, and the layers that only they refer to.
   * 0 removes the whole build cache.
   */
  unusedForMs: number;
  /** Removes the least recently used of the other records, until their layers take at most this many bytes. */
  keepBytes?: number;
  /** Deletes cache mounts, too. */
  cacheMounts?: boolean;
  /** Bytes of the files in folders, of which some may belong to other ids: the worker's `measure`. */
  measure: (folders: string[]) => Promise<number[]>;
  /** Deletes trees whose files may belong to other ids: the worker's `remove`. */
  remove: (paths: string[]) => Promise<void>;
}

export interface PruneReport {
  images: StoredImage[];
  records: number;
  layers: number;
  blobs: number;
  cacheMounts: number;
  failures: number;
  /** Bytes of the deleted blobs and of the content of the deleted directories. */
  reclaimed: number;
}

/**
 * Deletes in the order records, layers, blobs, so that everything left at any moment has all that it refers to. The
 * caller holds the exclusive lease.
 */
export async function pruneStore(store: Store, options: PruneOptions): Promise<PruneReport> {
  const counts = { records: 0, layers: 0, blobs: 0, cacheMounts: 0, failures: 0, reclaimed: 0 };
  const report: PruneReport = { images: [], ...counts };
  store.images.discardDamaged();
  const namedBefore = Date.now() - (options.imagesOlderThanMs ?? 0);
  for (const image of store.images.list()) {
    if (Date.parse(image.updated) > namedBefore) continue;
    if (options.images === 'all' || (options.images === 'nameless' && image.name === undefined)) {
      store.images.remove(image);
      report.images.push(image);
    }
  }

  const keptLayers = store.containers.layersInUse();
  const unusedSince = Date.now() - options.unusedForMs;
  const doomedSteps = doomedRecords(store, options);
  for (const { record } of store.records.list()) {
    if (doomedSteps.has(record.definition)) {
      store.records.remove(record.definition);
      report.records++;
    } else {
      keptLayers.add(record.layer);
    }
  }

  const keptBlobs = imageBlobs(store);
  const doomed: string[] = [];
  for (const id of store.layers.ids()) {
    const blob = store.layers.blob(id);
    // A layer unpacked from an image's blob stays as long as the image, for the next build or run. A layer made by a
    // step is build cache even if an image has it: the image needs only the blob.
    const unpacked = blob !== undefined && keptBlobs.has(blob.blob.digest);
    if (keptLayers.has(id) || (unpacked && store.layers.record(id)?.kind === 'image')) {
      if (blob !== undefined) keptBlobs.add(blob.blob.digest);
      continue;
    }
    report.reclaimed += directorySize(store, id);
    const grave = temporaryPath(store.layout, 'pruned');
    renameSync(store.layout.layer(id), grave);
    doomed.push(grave);
    report.layers++;
  }
  for (const name of readNames(store.layout.blobs)) {
    if (keptBlobs.has(`sha256:${name}`)) continue;
    const path = join(store.layout.blobs, name);
    report.reclaimed += statSync(path).size;
    doomed.push(path);
    report.blobs++;
  }
  for (const name of readNames(store.layout.origins)) {
    if (!keptBlobs.has(`sha256:${name.replace(/\.json$/, '')}`))
      doomed.push(join(store.layout.origins, name));
  }
  for (const { path, image } of store.provenance.list()) {
    if (!keptBlobs.has(image)) doomed.push(path);
  }
  for (const { path, packed } of store.conversions.list()) {
    const kept = packed !== undefined && keptBlobs.has(packed.blob.digest);
    if (!kept) doomed.push(path);
  }
  // This process has the store alone, so no step or cache is locked.
  for (const name of readNames(store.layout.locks)) {
    if (/^(run|cache)-/.test(name)) doomed.push(join(store.layout.locks, name));
  }
  for (const folder of [store.layout.selections, store.layout.inspections]) {
    for (const name of readNames(folder)) {
      const path = join(folder, name);
      if (options.unusedForMs === 0 || statSync(path).mtimeMs <= unusedSince) doomed.push(path);
    }
  }
  for (const name of readNames(store.layout.downloads)) {
    const path = join(store.layout.downloads, name);
    const { ctimeMs, size } = statSync(path);
    if (options.unusedForMs > 0 && ctimeMs > unusedSince) continue;
    report.reclaimed += size;
    doomed.push(path);
  }
  for (const { path, bytes } of store.databases.unused(options.unusedForMs)) {
    report.reclaimed += bytes;
    doomed.push(path);
  }
  if (options.unusedForMs === 0) {
    doomed.push(...readNames(store.layout.contexts).map((name) => join(store.layout.contexts, name)));
  }
  // Their files may belong to other ids, so the worker measures them.
  const unmeasured: string[] = [];
  // No build reuses a failure, so these go even when the build cache is kept.
  const failedBefore = options.unusedForMs === Number.POSITIVE_INFINITY ? namedBefore : unusedSince;
  for (const { id, created } of listFailures(store.layout)) {
    if (Date.parse(created) > failedBefore) continue;
    unmeasured.push(discardFailure(store.layout, id));
    report.failures++;
  }
  if (options.cacheMounts) {
    for (const name of readNames(store.layout.cacheMounts)) {
      unmeasured.push(discardCache(store.layout, name));
      report.cacheMounts++;
    }
  }
  if (unmeasured.length > 0) {
    for (const size of await options.measure(unmeasured)) report.reclaimed += size;
    doomed.push(...unmeasured);
  }
  if (doomed.length > 0) await options.remove(doomed);
  return report;
}

/**
 * Definitions of the records to remove: those unused for too long, and with `keepBytes` the least recently used of the
 * others.
 */
function doomedRecords(store: Store, { unusedForMs, keepBytes }: PruneOptions): Set<Digest> {
  const unusedSince = Date.now() - unusedForMs;
  const doomed = new Set<Digest>();
  const counted = new Set<string>();
  const ofImages = imageBlobs(store);
  let kept = 0;
  const latestFirst = [...store.records.list()].sort((a, b) => b.usedMs - a.usedMs);
  for (const { record, usedMs } of latestFirst) {
    if (unusedForMs === 0 || usedMs <= unusedSince) {
      doomed.add(record.definition);
      continue;
    }
    if (keepBytes === undefined || counted.has(record.layer)) continue;
    const blob = store.layers.blob(record.layer)?.blob;
    const packed = blob === undefined || ofImages.has(blob.digest) ? 0 : blob.size;
    const directory = directorySize(store, record.layer);
    if (kept + packed + directory > keepBytes) {
      doomed.add(record.definition);
    } else {
      kept += packed + directory;
      counted.add(record.layer);
    }
  }
  return doomed;
}
