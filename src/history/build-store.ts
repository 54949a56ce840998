import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { type Digest, hex, isDigest } from '../image/digest.ts';
import type { StoreLayout } from '../store/layout.ts';
import { lookAtRecord, parseRecord, readRecord, recordText } from '../store/record-file.ts';
import { readNames, temporaryPath, writeWhole } from '../store/temporary.ts';
import type { BuildRecord, LogEntry } from './build-record.ts';
import { type FileList, type FileRows, fileList, fileRows } from './file-list.ts';
import { runningLogEntries } from './running-log.ts';
import type { StepFacts } from './step-facts.ts';

/** `<time>-<project>-<id>.json`, where the time is in milliseconds since 1970, in base 36. */
const NAME = /^([0-9a-z]{9})-([0-9a-f]{16})-([0-9a-z]{10})\.json$/;
/** No list or log has more bytes when it is unpacked. */
const MOST_BYTES = 256 * 1024 * 1024;
/** How the name of a running build's log ends. */
const RUNNING = '.jsonl';

/** A build on record by its file's name, which says when it began. */
export interface BuildName {
  name: string;
  id: string;
  project: string;
  startedMs: number;
}

/** The builds on record of a store: `builds/`. */
export class BuildStore {
  readonly #layout: StoreLayout;
  readonly records: string;
  readonly #logs: string;
  readonly #steps: string;
  readonly #files: string;
  readonly #pruned: string;

  constructor(layout: StoreLayout) {
    this.#layout = layout;
    this.records = join(layout.builds, 'records');
    this.#logs = join(layout.builds, 'logs');
    this.#steps = join(layout.builds, 'steps');
    this.#files = join(layout.builds, 'files');
    this.#pruned = join(layout.builds, 'pruned');
  }

  /** Makes its folders, where they are missing. */
  prepare(): void {
    if (existsSync(this.#pruned)) return;
    for (const folder of [this.records, this.#logs, this.#steps, this.#files, this.#pruned]) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
    }
  }

  /** Names of the builds on record, latest first. @param project only this one's */
  names(project?: string): BuildName[] {
    return readNames(this.records)
      .flatMap((name): BuildName[] => {
        const [, time, of, id] = NAME.exec(name) ?? [];
        if (time === undefined || (project !== undefined && of !== project)) return [];
        return [{ name, id: id!, project: of!, startedMs: Number.parseInt(time, 36) }];
      })
      .sort((a, b) => (a.name < b.name ? 1 : -1));
  }

  /** A build; undefined when it is gone or damaged. */
  read({ name }: Pick<BuildName, 'name'>): BuildRecord | undefined {
    const record = readRecord<BuildRecord>(join(this.records, name));
    return record?.version === 1 && Array.isArray(record.steps) ? record : undefined;
  }

  /** Whether its file is there, and damaged. */
  isDamaged({ name }: Pick<BuildName, 'name'>): boolean {
    return lookAtRecord(join(this.records, name)) === 'damaged';
  }

  /** Builds of a project, latest first, read as they are asked for. */
  *of(project: string, before?: string): Iterable<BuildRecord> {
    for (const one of this.names(project)) {
      const record = one.id === before ? undefined : this.read(one);
      if (record !== undefined) yield record;
    }
  }

  /** Builds of a project that began before another one. */
  *before({ project, id, started }: Pick<BuildRecord, 'project' | 'id' | 'started'>): Iterable<BuildRecord> {
    for (const record of this.of(project, id)) if (record.started < started) yield record;
  }

  write(record: BuildRecord): void {
    writeWhole(this.#layout, join(this.records, nameOf(record)), recordText(record, JSON.stringify(record)));
  }

  /** Removes a build and its log. */
  remove({ name, id }: Pick<BuildName, 'name' | 'id'>): void {
    rmSync(join(this.records, name), { force: true });
    rmSync(this.#log(id), { force: true });
    rmSync(this.runningLog(id), { force: true });
  }

  /** What is on record of a step, by its definition. */
  facts(definition: Digest): StepFacts | undefined {
    if (!isDigest(definition)) return undefined;
    const facts = readRecord<StepFacts>(this.#step(definition));
    return facts?.definition === definition && Array.isArray(facts.files) ? facts : undefined;
  }

  putFacts(facts: StepFacts): void {
    writeWhole(this.#layout, this.#step(facts.definition), recordText(facts, JSON.stringify(facts)));
  }

  /** The list of the files of a selection. */
  files(selection: Digest): FileList | undefined {
    if (!isDigest(selection)) return undefined;
    return fileList(this.#unpack<{ files: FileRows }>(this.#list(selection))?.files);
  }

  hasFiles(selection: Digest): boolean {
    return statSync(this.#list(selection), { throwIfNoEntry: false }) !== undefined;
  }

  putFiles(selection: Digest, list: FileList): void {
    this.#pack(this.#list(selection), { files: fileRows(list) });
  }

  /** What a build has printed: of one that runs or was killed, as far as that has been written. */
  log(id: string): LogEntry[] | undefined {
    const entries = this.#unpack<{ entries: LogEntry[] }>(this.#log(id))?.entries;
    if (Array.isArray(entries)) return entries;
    const running = readUpTo(this.runningLog(id), MOST_BYTES);
    return running === undefined ? undefined : runningLogEntries(running);
  }

  /** Path of what a running build has printed so far (`RunningLog`). */
  runningLog(id: string): string {
    return join(this.#logs, `${id}${RUNNING}`);
  }

  /** Keeps what a build has printed, in place of what was written while it ran. */
  putLog(id: string, entries: readonly LogEntry[]): void {
    this.#pack(this.#log(id), { entries });
    rmSync(this.runningLog(id), { force: true });
  }

  /** The key under which secret values are compared: made once a store. */
  key(): Uint8Array {
    const path = join(this.#layout.builds, 'key');
    try {
      return readFileSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    const temporary = temporaryPath(this.#layout, 'key');
    writeFileSync(temporary, randomBytes(32), { mode: 0o600 });
    renameSync(temporary, path);
    return readFileSync(path);
  }

  /** Notes that all builds of a project have been pruned, with the stages that they had. */
  notePruned(project: string, stages: readonly string[]): void {
    writeWhole(
      this.#layout,
      join(this.#pruned, `${project}.json`),
      recordText({ stages, time: new Date().toISOString() }),
    );
  }

  /** Stages of a project of which all records have been pruned. */
  prunedStages(project: string): string[] {
    return readRecord<{ stages: string[] }>(join(this.#pruned, `${project}.json`))?.stages ?? [];
  }

  forgetPruned(project: string): void {
    rmSync(join(this.#pruned, `${project}.json`), { force: true });
  }

  /** Bytes on disk of logs, lists and records. */
  size(): number {
    let bytes = 0;
    for (const folder of [this.records, this.#logs, this.#steps, this.#files]) {
      for (const name of readNames(folder)) {
        bytes += statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0;
      }
    }
    return bytes;
  }

  /**
   * Deletes what no build on record needs any more: facts of steps, lists of files, logs.
   *
   * @param olderThanMs spares what is newer: a build that runs may have written what it has not named yet. Default: all
   * @returns bytes that were freed
   */
  sweep(olderThanMs?: number): number {
    const definitions = new Set<string>();
    const logs = new Set<string>();
    for (const one of this.names()) {
      const record = this.read(one);
      if (record === undefined) continue;
      logs.add(`${record.id}.gz`).add(`${record.id}${RUNNING}`);
      for (const { definition } of record.steps) {
        if (definition !== undefined && isDigest(definition)) definitions.add(definition);
      }
    }
    const lists = new Set<string>();
    for (const definition of definitions) {
      for (const { selection } of this.facts(definition as Digest)?.files ?? []) {
        if (selection !== undefined && isDigest(selection)) lists.add(`${hex(selection)}.gz`);
      }
    }
    const before = olderThanMs === undefined ? Number.POSITIVE_INFINITY : Date.now() - olderThanMs;
    const steps = new Set([...definitions].map((one) => `${hex(one as Digest)}.json`));
    return (
      sweepFolder(this.#steps, steps, before) +
      sweepFolder(this.#files, lists, before) +
      sweepFolder(this.#logs, logs, before)
    );
  }

  /** Names of files that are damaged, as paths in `builds/`. */
  *damaged(): Iterable<string> {
    for (const name of readNames(this.records)) {
      if (lookAtRecord(join(this.records, name)) === 'damaged') yield `records/${name}`;
    }
    for (const name of readNames(this.#steps)) {
      if (lookAtRecord(join(this.#steps, name)) === 'damaged') yield `steps/${name}`;
    }
    for (const [folder, path] of [
      ['logs', this.#logs],
      ['files', this.#files],
    ] as const) {
      for (const name of readNames(path)) {
        // It is whole up to where the process was killed.
        if (name.endsWith(RUNNING)) continue;
        if (this.#unpack(join(path, name)) === undefined) yield `${folder}/${name}`;
      }
    }
  }

  #step(definition: Digest): string {
    return join(this.#steps, `${hex(definition)}.json`);
  }

  #list(selection: Digest): string {
    return join(this.#files, `${hex(selection)}.gz`);
  }

  #log(id: string): string {
    return join(this.#logs, `${id}.gz`);
  }

  #pack(path: string, value: object): void {
    writeWhole(this.#layout, path, gzipSync(recordText(value, JSON.stringify(value)), { level: 3 }));
  }

  #unpack<T extends object>(path: string): T | undefined {
    let bytes: Buffer;
    try {
      bytes = gunzipSync(readFileSync(path), { maxOutputLength: MOST_BYTES });
    } catch {
      // Not there, or damaged.
      return undefined;
    }
    return parseRecord<T>(bytes);
  }
}

/** A file, if it is there and not larger. */
function readUpTo(path: string, most: number): Buffer | undefined {
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  return size === undefined || size > most ? undefined : readFileSync(path);
}

function nameOf({ id, project, started }: BuildRecord): string {
  return `${Date.parse(started).toString(36).padStart(9, '0')}-${project}-${id}.json`;
}

function sweepFolder(folder: string, kept: ReadonlySet<string>, beforeMs: number): number {
  let bytes = 0;
  for (const name of readNames(folder)) {
    if (kept.has(name)) continue;
    const path = join(folder, name);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined || stat.mtimeMs > beforeMs) continue;
    rmSync(path, { force: true });
    bytes += stat.size;
  }
  return bytes;
}
