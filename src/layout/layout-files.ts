import type { JettisonError } from '../errors/error.ts';
import type { LimitName } from '../errors/limits.ts';

/**
 * The files of an image archive or an image layout, wherever they are. Others made them: names are only looked up, and
 * nothing but a regular file is read.
 */
export interface LayoutFiles {
  /** A small file; undefined when there is none of that name. @throws JettisonError when it exceeds the limit */
  read(name: string, limit: LimitName): Buffer | undefined;
  /** Bytes of a file; undefined when there is none of that name. */
  size(name: string): number | undefined;
  /** The bytes of a file, not verified. @throws JettisonError when there is none of that name */
  open(name: string): AsyncIterable<Buffer>;
}

/** Makes the error for files that cannot be used. */
export type Invalid = (reason: string, hint?: string) => JettisonError;
