import { hash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Digest } from '../image/digest.ts';
import { hex } from '../image/digest.ts';
import type { StoreLayout } from './layout.ts';
import { readRecord, recordText } from './record-file.ts';
import { readNames, writeWhole } from './temporary.ts';
import { touch } from './touch.ts';

/** A database of advisories that was fetched or loaded. */
export interface DatabaseRecord {
  /** Where it is from, as named: `ghcr.io/aquasecurity/trivy-db:2`. */
  reference: string;
  /** What its file is: `trivy-db` is one of bbolt, `advisories` sorted lines. */
  format: 'trivy-db' | 'advisories';
  /** Digest of the file. */
  file: Digest;
  /** Digest of the manifest that named it; of files that were loaded there is none. */
  manifest?: Digest;
  /** Of one that `--db FILE` unpacked: size and time of that file, whose change makes it another one. */
  stamp?: string;
  /** When its data was made, and when newer data is to be expected: RFC 3339. */
  updated?: string;
  nextUpdate?: string;
  /** When its publisher was last asked: RFC 3339. */
  checked: string;
}

/**
 * Databases of advisories, by where they are from: `<digest of the reference>.json`, and the files that these name,
 * `<digest>.db`. The modification time of a record says when it was last used.
 */
export class Databases {
  readonly #layout: StoreLayout;

  constructor(layout: StoreLayout) {
    this.#layout = layout;
  }

  /** The database of a reference, marked as used now; undefined where there is none, or its file is missing. */
  use(reference: string): (DatabaseRecord & { path: string }) | undefined {
    const found = this.#read(this.#record(reference));
    if (found !== undefined) touch(this.#record(reference));
    return found;
  }

  /** @param temporary the file, which is renamed into place; absent where the file is there and only the record changes */
  put(record: DatabaseRecord, temporary?: string): void {
    mkdirSync(this.#layout.databases, { recursive: true });
    if (temporary !== undefined) renameSync(temporary, this.#file(record.file));
    writeWhole(this.#layout, this.#record(record.reference), recordText(record));
    const named = new Set(this.list().map(({ path }) => path));
    for (const name of readNames(this.#layout.databases)) {
      const path = join(this.#layout.databases, name);
      // The file of the data before. A process that reads it still has it open.
      if (name.endsWith('.db') && !named.has(path)) rmSync(path, { force: true });
    }
  }

  list(): (DatabaseRecord & { path: string })[] {
    return readNames(this.#layout.databases)
      .filter((name) => name.endsWith('.json'))
      .flatMap((name) => this.#read(join(this.#layout.databases, name)) ?? []);
  }

  /** The files of databases that have not been used for so long. */
  unused(forMs: number): { path: string; bytes: number }[] {
    const kept = new Set<string>();
    const records = readNames(this.#layout.databases).filter((name) => name.endsWith('.json'));
    for (const name of records) {
      const { mtimeMs } = statSync(join(this.#layout.databases, name));
      const record = readRecord<DatabaseRecord>(join(this.#layout.databases, name));
      if (forMs === 0 || mtimeMs <= Date.now() - forMs || record === undefined) continue;
      kept.add(name).add(`${hex(record.file)}.db`);
    }
    return readNames(this.#layout.databases)
      .filter((name) => !kept.has(name))
      .map((name) => join(this.#layout.databases, name))
      .map((path) => ({ path, bytes: statSync(path).size }));
  }

  #read(path: string): (DatabaseRecord & { path: string }) | undefined {
    const record = readRecord<DatabaseRecord>(path);
    if (record === undefined) return undefined;
    const file = this.#file(record.file);
    return existsSync(file) ? { ...record, path: file } : undefined;
  }

  #record(reference: string): string {
    return join(this.#layout.databases, `${hash('sha256', reference, 'hex')}.json`);
  }

  #file(digest: Digest): string {
    return join(this.#layout.databases, `${hex(digest)}.db`);
  }
}
