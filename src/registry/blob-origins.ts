import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Digest, hex } from '../image/digest.ts';
import type { StoreLayout } from '../store/layout.ts';
import { readRecord, recordText } from '../store/record-file.ts';
import { writeWhole } from '../store/temporary.ts';

/** A repository that holds a blob. */
export interface Origin {
  registry: string;
  repository: string;
}

/** Origins kept per blob. */
const MAX_ORIGINS = 8;

/**
 * Remembers which repositories hold a blob (`origins/<hex>.json` in the store), so that a push can mount it from there,
 * and a layer that was never downloaded can still be fetched. These are hints: losing them costs time only.
 */
export class BlobOrigins {
  readonly #layout: StoreLayout;

  constructor(layout: StoreLayout) {
    this.#layout = layout;
  }

  /** Latest first. */
  of(digest: Digest): Origin[] {
    return readRecord<{ origins: Origin[] }>(this.#path(digest))?.origins ?? [];
  }

  add(digests: Iterable<Digest>, { registry, repository }: Origin): void {
    mkdirSync(this.#folder, { recursive: true });
    for (const digest of digests) {
      const known = this.of(digest);
      const isIt = (origin: Origin) => origin.registry === registry && origin.repository === repository;
      if (known.some(isIt)) continue;
      const origins = [{ registry, repository }, ...known].slice(0, MAX_ORIGINS);
      writeWhole(this.#layout, this.#path(digest), recordText({ origins }));
    }
  }

  get #folder(): string {
    return join(this.#layout.home, 'origins');
  }

  #path(digest: Digest): string {
    return join(this.#folder, `${hex(digest)}.json`);
  }
}
