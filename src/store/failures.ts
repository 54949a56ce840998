import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Digest } from '../image/digest.ts';
import type { DirectoryForm } from './forms.ts';
import type { StoreLayout } from './layout.ts';
import { readRecord, recordText } from './record-file.ts';
import { readNames, temporaryPath } from './temporary.ts';

/** A step before it fails, without environment and secrets. */
export interface FailedStep {
  /** Of the instruction and what it observes, as in its step's record. */
  key: Digest;
  /** The instruction, in one line. */
  title: string;
  /** Where it stands. */
  file: string;
  line: number;
  /** The stage, as people call it. */
  stage: string;
  /** The command line of the build; absent when a program asked for it. */
  command?: FailedCommand;
}

/** A command line, without what must be written down nowhere. */
export interface FailedCommand {
  /** Absolute path of its working directory. */
  directory: string;
  /** Its arguments, apart from those withheld. */
  args: string[];
  /** Flags to repeat, since their values are not recorded: `--build-arg VERSION=…`. */
  withheld: string[];
}

/** `failures/<id>/failure.json`. */
export interface FailureRecord extends FailedStep {
  /** Which worker can stand on what it left. */
  form: DirectoryForm;
  /** 128 + n after signal n. */
  exitCode: number;
  /** The kernel killed it for want of memory. */
  outOfMemory?: boolean;
  /** It was killed since it took too long. */
  timedOut?: boolean;
  /** RFC 3339. */
  created: string;
}

/** A RUN that failed, and what it had changed by then. */
export interface Failure extends FailureRecord {
  /** The folder's name. */
  id: string;
}

/** How many are kept, and for how long. */
const KEPT = 4;
const KEPT_MS = 3 * 24 * 60 * 60 * 1000;

/** All that are kept, latest first. */
export function listFailures(layout: StoreLayout): Failure[] {
  return readNames(layout.failures)
    .flatMap((id) => {
      const record = readRecord<FailureRecord>(failurePath(layout, id), { unsealed: true });
      return record === undefined ? [] : [{ ...record, id }];
    })
    .sort((a, b) => (a.created < b.created ? 1 : -1));
}

/** Absolute path of its record, which a user of the directory locks. */
export function failurePath(layout: StoreLayout, id: string): string {
  return join(layout.failures, id, 'failure.json');
}

/**
 * What the command changed, in overlayfs' on-disk form, as an absolute path; undefined when it never ran. Not a
 * layer: nobody has looked at it yet.
 */
export function failureDirectory(layout: StoreLayout, id: string): string | undefined {
  const path = join(layout.failures, id, 'dir');
  return existsSync(path) ? path : undefined;
}

/**
 * Keeps what a failed command left.
 *
 * @param directory absolute path, which is moved (same file system); absent when the command never ran
 * @returns its id
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

/** The ids of those that are not worth keeping: of one key only the latest is, and of all only some, for a while. */
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

/** Takes one out of the store, if it is still there. @returns the absolute path of what is to be deleted */
export function discardFailure(layout: StoreLayout, id: string): string {
  const grave = temporaryPath(layout, 'failure');
  try {
    renameSync(join(layout.failures, id), grave);
  } catch (error) {
    // Somebody else did.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return grave;
}
