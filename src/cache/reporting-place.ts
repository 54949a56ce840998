import type { Emit } from '../events/event.ts';
import { Overlapping } from '../events/overlapping.ts';
import { type OnProgress, sparing } from '../events/transfer.ts';
import type { Descriptor } from '../image/types.ts';
import type { Store } from '../store/store.ts';
import type { CacheBlob, CacheDocument, CachePlace } from './place.ts';

/** A place whose reads are reported as one import. */
export class ReportingPlace implements CachePlace {
  readonly #place: CachePlace;
  readonly #store: Store;
  readonly #imports: Overlapping;
  readonly #report: OnProgress;

  constructor(place: CachePlace, store: Store, emit: Emit, name: string) {
    this.#place = place;
    this.#store = store;

    const what = `cache from ${name}`;
    this.#imports = new Overlapping({
      start: () => emit({ type: 'export.started', what, import: true }),
      end: (durationMs) => emit({ type: 'export.finished', what, durationMs }),
    });
    this.#report = sparing((progress) => emit({ type: 'transfer', of: what, direction: 'in', ...progress }));
  }

  get lasting(): boolean {
    return this.#place.lasting;
  }

  read(): Promise<CacheDocument[]> {
    return this.#imports.during(() => this.#place.read(this.#report));
  }

  async fetch(blob: Descriptor): Promise<void> {
    if (this.#store.blobs.has(blob.digest, blob.size)) return;
    await this.#imports.during(() => this.#place.fetch(blob, this.#report));
  }

  holds(blob: Descriptor): Promise<boolean> {
    return this.#place.holds(blob);
  }

  write(blobs: readonly CacheBlob[], manifest: Descriptor, onProgress?: OnProgress): Promise<void> {
    return this.#place.write(blobs, manifest, onProgress);
  }
}
