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

/** Everything that is kept on disk: see design in ARCHITECTURE.md, "The store". */
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

/** Which store. */
export interface StoreOptions {
  /** Its folder; see `defaultHome` for where it is otherwise. */
  home?: string;
  env?: NodeJS.ProcessEnv;
}

/**
 * Opens the store, making it when there is none, and sweeps what dead processes left in its temporary folder.
 *
 * @throws JettisonError `STORE_UNUSABLE` when the folder cannot be written, `STORE_FOREIGN` for root in another user's,
 * `STORE_VERSION` for one of a newer Jettison
 */
export function openStore(options: StoreOptions = {}): Store {
  const layout = new StoreLayout(options.home ?? defaultHome(options.env));
  const store = new Store(layout);
  try {
    if (!admitStore(layout, options.env ?? process.env)) {
      makeFolder(layout.home, 0o700);
      // Others must not reach setuid programs inside layers, nor files that only the root inside may read.
      for (const folder of [layout.layers, layout.temporary])
        mkdirSync(folder, { recursive: true, mode: 0o700 });
      for (const folder of [layout.blobs, layout.images, layout.steps, layout.contexts, layout.locks]) {
        mkdirSync(folder, { recursive: true });
      }
      if (!existsSync(layout.index)) {
        writeFileSync(layout.index, canonicalJson(layoutIndex([])));
      }
      writeFileSync(layout.format, `{"format":${STORE_FORMAT}}`);
      // Last: its presence says that the rest is there.
      writeFileSync(layout.ociLayout, LAYOUT_MARKER);
    }
    for (const path of deadTemporaries(layout)) sweep(path);
  } catch (error) {
    if (error instanceof JettisonError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    // A full disk is no matter of the folder.
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
 * Opens the store, keeps it from being pruned while it is used, and closes it after that.
 *
 * @param options.signal ends waiting for who prunes
 * @param use gets a function that ends the lease before its own end, too
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
