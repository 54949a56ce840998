import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Digest } from '../image/digest.ts';
import type { DirectoryForm } from './forms.ts';
import type { StoreLayout } from './layout.ts';
import { readRecord, recordText } from './record-file.ts';
import { readNames, temporaryPath } from './temporary.ts';

/** A failed step, without environment and secrets. */
export interface FailedStep {
  /** The step's key, as in its record. */
  key: Digest;
  /** The instruction, in one line. */
  title: string;
  /** The Dockerfile, and the instruction's line. */
  file: string;
  line: number;
  /** The stage's name, or its number. */
  stage: string;
  /** The command line of the build; absent when a program called the library. */
  command?: FailedCommand;
}

/** A command line without values that may be secret. */
export interface FailedCommand {
  /** Absolute path of its working directory. */
  directory: string;
  /** Its arguments, without those of `withheld`. */
  args: string[];
  /** Flags to repeat, since their values are not recorded: `--build-arg VERSION=…`. */
  withheld: string[];
}

/** `failures/<id>/failure.json`. */
export interface FailureRecord extends FailedStep {
  /** Form of the directory: which workers can use it. */
  form: DirectoryForm;
  /** 128 + n after signal n. */
  exitCode: number;
  /** The kernel killed it because memory ran out. */
  outOfMemory?: boolean;
  /** It was killed at its time limit. */
  timedOut?: boolean;
  /** RFC 3339. */
  created: string;
}

/** A failed RUN, with the changes that it had made. */
export interface Failure extends FailureRecord {
  /** The folder's name. */
  id: string;
}

/** How many failures are kept, and for how long. */
const KEPT = 4;
const KEPT_MS = 3 * 24 * 60 * 60 * 1000;

/** All kept failures, latest first. */
export function listFailures(layout: StoreLayout): Failure[] {
  return readNames(layout.failures)
    .flatMap((id) => {
      const record = readRecord<FailureRecord>(failurePath(layout, id), { unsealed: true });
      return record === undefined ? [] : [{ ...record, id }];
    })
    .sort((a, b) => (a.created < b.created ? 1 : -1));
}

/** Absolute path of a failure's record, which a `jettison debug` that uses the directory locks. */
export function failurePath(layout: StoreLayout, id: string): string {
  return join(layout.failures, id, 'failure.json');
}

/**
 * Absolute path of the command's upper directory, in overlayfs' on-disk form; undefined when it never ran. It is not a
 * layer: it has not been scanned.
 */
export function failureDirectory(layout: StoreLayout, id: string): string | undefined {
  const path = join(layout.failures, id, 'dir');
  return existsSync(path) ? path : undefined;
}

/**
 * Keeps the changes of a failed command.
 *
 * @param directory absolute path, which is moved (same file system); absent when the command never ran
 * @returns the failure's id
 */
export function installFailure(
  layout: StoreLayout,
  record: FailureRecord,
  directory: string | undefined,
): string {
  const temporary = temporaryPath(layout, 'failure');
  mkdirSync(temporary, { mode: 0o700 });
  writeFileSync(join(temporary, 'failure.json'), recordText(record));
  if (directory !== undefined) renameSync(directory, join(temporary, 'dir'));
  mkdirSync(layout.failures, { recursive: true, mode: 0o700 });
  const id = randomBytes(8).toString('hex');
  renameSync(temporary, join(layout.failures, id));
  return id;
}

/** Ids of failures to delete: all but the latest of each key, of these all but `KEPT`, older ones than `KEPT_MS`, and damaged ones. */
export function staleFailures(layout: StoreLayout, now = Date.now()): string[] {
  const keys = new Set<Digest>();
  const listed = listFailures(layout);
  const known = new Set(listed.map(({ id }) => id));
  const stale = listed.filter(({ key, created }) => {
    const isKept = !keys.has(key) && keys.size < KEPT && now - Date.parse(created) < KEPT_MS;
    keys.add(key);
    return !isKept;
  });
  const damaged = readNames(layout.failures).filter((id) => !known.has(id));
  return [...stale.map(({ id }) => id), ...damaged];
}

/** Removes a failure from the store, if it still exists. @returns absolute path of the folder that the caller deletes */
export function discardFailure(layout: StoreLayout, id: string): string {
  const grave = temporaryPath(layout, 'failure');
  try {
    renameSync(join(layout.failures, id), grave);
  } catch (error) {
    // Another process removed it.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return grave;
}
