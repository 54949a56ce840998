import { rmSync, statSync } from 'node:fs';
import type { Digest } from '../image/digest.ts';
import type { StoreLayout } from './layout.ts';
import { readRecord, recordText } from './record-file.ts';
import { readNames, writeWhole } from './temporary.ts';
import { touch } from './touch.ts';

/**
 * Part of every definition digest and key, and the version of shared caches. Raised when the meaning of keys changes, or
 * when layers of earlier versions may be wrong: results of other versions are not found any more.
 *
 * 2: a step observes whether a directory exists.
 */
export const KEY_VERSION = 2;

/**
 * The inputs and the result of an executed step, which later builds look up. Instruction and observations are kept in
 * readable form, so that a build can say which fact differs.
 */
export interface StepRecord {
  /** The definition digest: of the instruction and of the definitions of all its inputs. */
  definition: Digest;
  /** Digest of the instruction and its observations. */
  key: Digest;
  /** Id of the resulting layer. */
  layer: string;
  /** Digest of the layer's content. */
  content: Digest;
  /**
   * Digest of the contents of the layers below and of the stages that the step read: equal definitions can have given
   * different results.
   */
  inputs: Digest;
  /** The instruction as planned, without secrets. */
  instruction: unknown;
  /** The facts that the step has read of its inputs. */
  observations: unknown;
  title: string;
  /** RFC 3339. */
  created: string;
}

/** Step records by definition digest. A file's modification time is that of its last use. */
export class StepRecords {
  readonly #layout: StoreLayout;

  constructor(layout: StoreLayout) {
    this.#layout = layout;
  }

  /** The record of a definition, without marking it as used. */
  look(definition: Digest): StepRecord | undefined {
    return readRecord<StepRecord>(this.#layout.step(definition));
  }

  /** The record of a definition; marks it as used now. */
  use(definition: Digest): StepRecord | undefined {
    const record = this.look(definition);
    if (record !== undefined) touch(this.#layout.step(definition));
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
      // A damaged record is useless.
      if (record === undefined) rmSync(path, { force: true });
      const usedMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
      if (record !== undefined && usedMs !== undefined) yield { record, usedMs };
    }
  }
}
