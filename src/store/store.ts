import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { JettisonError } from '../errors/error.ts';
import { canonicalJson } from '../image/digest.ts';
import { LAYOUT_MARKER, layoutIndex } from '../image/layout.ts';
import { makeFolder } from '../layer/make-folder.ts';
import { admitStore, STORE_FORMAT } from './admission.ts';
import { Blobs } from './blobs.ts';
import { Containers } from './containers.ts';
import { Conversions } from './conversions.ts';
import { Databases } from './databases.ts';
import { Images } from './images.ts';
import { Inspections } from './inspections.ts';
import { Layers } from './layers.ts';
import { defaultHome, StoreLayout } from './layout.ts';
import { Leases } from './lease.ts';
import { Provenances } from './provenance.ts';
import { StepRecords } from './records.ts';
import { removeTree } from './remove-tree.ts';
import { Selections } from './selections.ts';
import { deadTemporaries, removeOwnTemporary } from './temporary.ts';

/** Everything that is kept on disk: see "The store" in ARCHITECTURE.md. */
export class Store {
  readonly blobs: Blobs;
  readonly images: Images;
  readonly layers: Layers;
  readonly records: StepRecords;
  readonly selections: Selections;
  readonly conversions: Conversions;
  readonly inspections: Inspections;
  readonly provenance: Provenances;
  readonly databases: Databases;
  readonly containers: Containers;
  readonly leases: Leases;

  constructor(readonly layout: StoreLayout) {
    this.blobs = new Blobs(layout);
    this.images = new Images(layout);
    this.layers = new Layers(layout);
    this.records = new StepRecords(layout);
    this.selections = new Selections(layout);
    this.conversions = new Conversions(layout);
    this.provenance = new Provenances(layout);
    this.inspections = new Inspections(layout);
    this.databases = new Databases(layout);
    this.containers = new Containers(layout);
    this.leases = new Leases(layout);
  }

  /** Deletes this process's temporary files. The store can still be used. */
  close(): void {
    try {
      removeOwnTemporary(this.layout);
    } catch {
      // Files of other ids, of a damaged layer: the next worker sweeps them.
    }
  }
}

/** Selects the store. */
export interface StoreOptions {
  /** Its folder; default: see `defaultHome`. */
  home?: string;
  env?: NodeJS.ProcessEnv;
}

/**
 * Opens the store, creates it if it is missing, and deletes temporary files of dead processes.
 *
 * @throws JettisonError `STORE_UNUSABLE` when the folder cannot be written, `STORE_FOREIGN` for root in another user's
 * store, `STORE_VERSION` for a store of a newer Jettison
 */
export function openStore(options: StoreOptions = {}): Store {
  const layout = new StoreLayout(options.home ?? defaultHome(options.env));
  const store = new Store(layout);
  try {
    if (!admitStore(layout, options.env ?? process.env)) {
      makeFolder(layout.home, 0o700);
      // Other users must not reach setuid programs of layers, nor files that only the layers' root may read.
      for (const folder of [layout.layers, layout.temporary])
        mkdirSync(folder, { recursive: true, mode: 0o700 });
      for (const folder of [layout.blobs, layout.images, layout.steps, layout.contexts, layout.locks]) {
        mkdirSync(folder, { recursive: true });
      }
      if (!existsSync(layout.index)) {
        writeFileSync(layout.index, canonicalJson(layoutIndex([])));
      }
      writeFileSync(layout.format, `{"format":${STORE_FORMAT}}`);
      // Last: if it exists, the rest does.
      writeFileSync(layout.ociLayout, LAYOUT_MARKER);
    }
    for (const path of deadTemporaries(layout)) sweep(path);
  } catch (error) {
    if (error instanceof JettisonError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    // Another folder does not help against a full disk.
    if (code === undefined || code === 'ENOSPC' || code === 'EDQUOT') throw error;
    throw new JettisonError(
      'STORE_UNUSABLE',
      `the store ${layout.home} cannot be used: ${(error as Error).message}`,
      {
        hint: 'Set JETTISON_HOME to a folder that you may write.',
        cause: error,
      },
    );
  }
  return store;
}

function sweep(path: string): void {
  try {
    removeTree(path);
  } catch {
    // The next worker or command tries again.
  }
}

/**
 * Opens the store, holds a lease against pruning while `use` runs, then closes the store.
 *
 * @param options.signal aborts waiting for a process that prunes
 * @param use can end the lease early by its second argument
 * @throws as `openStore`
 */
export async function useStore<T>(
  options: StoreOptions & { signal?: AbortSignal },
  use: (store: Store, endLease: () => void) => Promise<T> | T,
): Promise<T> {
  const store = openStore(options);
  let endLease = () => {};
  try {
    endLease = await store.leases.use(options.signal);
    return await use(store, endLease);
  } finally {
    endLease();
    store.close();
  }
}
