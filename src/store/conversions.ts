import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf, hex } from '../image/digest.ts';
import type { LayerBlob } from './layers.ts';
import type { StoreLayout } from './layout.ts';
import { readRecord, recordText } from './record-file.ts';
import { readNames, writeWhole } from './temporary.ts';

/** The source and the form of a packed layer: a layer or blob, compression and times. */
export type ConversionKey = Record<string, string | number | boolean | undefined>;

/** Layers that have been packed with another compression or other times, by source and form. */
export class Conversions {
  readonly #layout: StoreLayout;

  constructor(layout: StoreLayout) {
    this.#layout = layout;
  }

  /** The packed form; undefined when there is none, or its blob is missing or truncated. */
  get(key: ConversionKey): LayerBlob | undefined {
    const packed = readRecord<LayerBlob>(this.#path(key));
    const file = packed && statSync(this.#layout.blob(packed.blob.digest), { throwIfNoEntry: false });
    return packed?.blob.size === file?.size ? packed : undefined;
  }

  put(key: ConversionKey, packed: LayerBlob): void {
    mkdirSync(this.#layout.conversions, { recursive: true });
    writeWhole(this.#layout, this.#path(key), recordText(packed));
  }

  /** All records with their paths; `packed` is undefined for a damaged one. */
  *list(): Iterable<{ path: string; packed: LayerBlob | undefined }> {
    for (const name of readNames(this.#layout.conversions)) {
      const path = join(this.#layout.conversions, name);
      yield { path, packed: readRecord<LayerBlob>(path) };
    }
  }

  #path(key: ConversionKey): string {
    return join(this.#layout.conversions, `${hex(digestOf(key))}.json`);
  }
}
