import { rmSync, statSync } from 'node:fs';
import type { Digest } from '../image/digest.ts';
import type { StoreLayout } from './layout.ts';
import { readRecord, recordText } from './record-file.ts';
import { readNames, writeWhole } from './temporary.ts';
import { touch } from './touch.ts';

/**
 * Part of every definition digest and key, and the version of shared caches. Raised when what keys say changes, or when
 * layers of earlier versions may be wrong: nothing that was made under another version is found any more.
 *
 * 2: whether a directory was found is observed.
 */
export const KEY_VERSION = 2;

/**
 * What a step of an earlier build read and made: the memory that a rebuild asks first. Everything is in
 * readable form, so that it can be said which fact differs.
 */
export interface StepRecord {
  /** The definition digest: of the instruction and of the definitions of everything that it reads. */
  definition: Digest;
  /** Digest of the instruction and its observations; names the layer. */
  key: Digest;
  /** The layer's id; empty observations make no layer and leave it out. */
  layer: string;
  /** Digest of the layer's content. */
  content: Digest;
  /**
   * Digest of the contents of the layers below and of the stages that it read, as they were then: what is defined
   * alike need not have come out alike.
   */
  inputs: Digest;
  /** The instruction as planned, without secrets. */
  instruction: unknown;
  /** The facts that the step read of its inputs. */
  observations: unknown;
  title: string;
  /** RFC 3339. */
  created: string;
}

/** Step records by definition digest; a file's modification time says when it was last used. */
export class StepRecords {
  readonly #layout: StoreLayout;

  constructor(layout: StoreLayout) {
    this.#layout = layout;
  }

  /** The record of a definition, without marking it. */
  look(definition: Digest): StepRecord | undefined {
    return readRecord<StepRecord>(this.#layout.step(definition));
  }

  /** The record of a definition; marks it as used now. */
  use(definition: Digest): StepRecord | undefined {
    const record = this.look(definition);
    if (record !== undefined) {
      // Pruned in this very moment, or not ours: the record that was read is still true.
      touch(this.#layout.step(definition));
    }
    return record;
  }

  put(record: StepRecord): void {
    writeWhole(this.#layout, this.#layout.step(record.definition), recordText(record));
  }

  remove(definition: Digest): void {
    rmSync(this.#layout.step(definition), { force: true });
  }

  /** All records with the time of their last use, in milliseconds since 1970. */
  *list(): Iterable<{ record: StepRecord; usedMs: number }> {
    for (const name of readNames(this.#layout.steps)) {
      const path = `${this.#layout.steps}/${name}`;
      const record = readRecord<StepRecord>(path);
      // A damaged one is of no use to anybody.
      if (record === undefined) rmSync(path, { force: true });
      const usedMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
      if (record !== undefined && usedMs !== undefined) yield { record, usedMs };
    }
  }
}
