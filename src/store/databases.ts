import { hash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Digest } from '../image/digest.ts';
import { hex } from '../image/digest.ts';
import type { StoreLayout } from './layout.ts';
import { readRecord, recordText } from './record-file.ts';
import { readNames, writeWhole } from './temporary.ts';
import { touch } from './touch.ts';

/** A database of advisories that was pulled or loaded. */
export interface DatabaseRecord {
  /** Its source as named: `ghcr.io/aquasecurity/trivy-db:2`. */
  reference: string;
  /** `trivy-db`: a bbolt file; `advisories`: sorted lines. */
  format: 'trivy-db' | 'advisories';
  /** Digest of the file. */
  file: Digest;
  /** Digest of its manifest; absent for a loaded file. */
  manifest?: Digest;
  /** Size and time of a file that `--db FILE` unpacked: when they differ, it is unpacked again. */
  stamp?: string;
  /** When its data was made, and when newer data is expected: RFC 3339. */
  updated?: string;
  nextUpdate?: string;
  /** When the registry was last asked: RFC 3339. */
  checked: string;
}

/**
 * Databases of advisories by source: records `<digest of the reference>.json`, and the files that they name,
 * `<digest>.db`. The time of a record is that of its last use.
 */
export class Databases {
  readonly #layout: StoreLayout;

  constructor(layout: StoreLayout) {
    this.#layout = layout;
  }

  /** The database of a reference, marked as used now; undefined when the record or its file is missing. */
  use(reference: string): (DatabaseRecord & { path: string }) | undefined {
    const found = this.#read(this.#record(reference));
    if (found !== undefined) touch(this.#record(reference));
    return found;
  }

  /** @param temporary the file, which is renamed into place; absent: only the record changes */
  put(record: DatabaseRecord, temporary?: string): void {
    mkdirSync(this.#layout.databases, { recursive: true });
    if (temporary !== undefined) renameSync(temporary, this.#file(record.file));
    writeWhole(this.#layout, this.#record(record.reference), recordText(record));
    const named = new Set(this.list().map(({ path }) => path));
    for (const name of readNames(this.#layout.databases)) {
      const path = join(this.#layout.databases, name);
      // A file of older data. A process that reads it still has it open.
      if (name.endsWith('.db') && !named.has(path)) rmSync(path, { force: true });
    }
  }

  list(): (DatabaseRecord & { path: string })[] {
    return readNames(this.#layout.databases)
      .filter((name) => name.endsWith('.json'))
      .flatMap((name) => this.#read(join(this.#layout.databases, name)) ?? []);
  }

  /** Files to prune: those of databases that no scan has used for `forMs` milliseconds (0: all), and damaged ones. */
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
