import { mkdirSync } from 'node:fs';
import { type Digest, hex } from '../image/digest.ts';
import type { StoreLayout } from './layout.ts';
import { readRecord, recordText } from './record-file.ts';
import { writeWhole } from './temporary.ts';
import { touch } from './touch.ts';

/**
 * Facts about the files that a COPY selected, by a digest of source and selection: an unchanged large tree need not be
 * listed again. A lost record only costs time. A file's modification time is that of its last use.
 */
export class Selections {
  readonly #layout: StoreLayout;

  constructor(layout: StoreLayout) {
    this.#layout = layout;
  }

  use<T>(definition: Digest): T | undefined {
    const path = this.#path(definition);
    const remembered = readRecord<{ facts: T }>(path)?.facts;
    if (remembered === undefined) return undefined;
    touch(path);
    return remembered;
  }

  put(definition: Digest, facts: unknown): void {
    mkdirSync(this.#layout.selections, { recursive: true });
    writeWhole(this.#layout, this.#path(definition), recordText({ facts }));
  }

  #path(definition: Digest): string {
    return `${this.#layout.selections}/${hex(definition)}.json`;
  }
}
