import type { JettisonError } from '../errors/error.ts';
import type { LimitName } from '../errors/limits.ts';

/**
 * The files of an image archive or layout, in a folder or a tar. They are untrusted: only regular files are read, and a
 * name is never used as a path that leaves the folder.
 */
export interface LayoutFiles {
  /** The content of a small file; undefined when it does not exist. @throws JettisonError when it exceeds the limit */
  read(name: string, limit: LimitName): Buffer | undefined;
  /** Size of a file in bytes; undefined when it does not exist. */
  size(name: string): number | undefined;
  /** The bytes of a file; the caller verifies them. @throws JettisonError when it does not exist */
  open(name: string): AsyncIterable<Buffer>;
}

/** Makes the error for files that cannot be used. */
export type Invalid = (reason: string, hint?: string) => JettisonError;
