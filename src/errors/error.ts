import { withoutCredentials } from './safe-text.ts';

/** A place in a text file. Lines and columns count from 1; columns count UTF-16 units. */
export interface Location {
  /** The file as the user named it, e.g. `Dockerfile` or `services/api/Dockerfile`. */
  file: string;
  line: number;
  column: number;
  /** Last line of a construct that spans several lines (inclusive). */
  endLine?: number;
}

/** Exit codes of the command (also `JettisonError.exitCode`). */
export const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;

export interface JettisonErrorOptions {
  /** How to fix it: one sentence; several are on lines of their own. */
  hint?: string;
  location?: Location;
  /** The source lines to show under the message (raw text of the instruction). */
  source?: string;
  /** The line number of `source`'s first line, where that is not `location.line`. */
  sourceLine?: number;
  /** Defaults to 1 (the build failed); 2 is for a wrong command line. */
  exitCode?: number;
  cause?: unknown;
  /** Facts for programs (`rawjson`, library users), e.g. `{ exitCode: 3 }` of a failing RUN. */
  details?: Record<string, unknown>;
}

/**
 * The error class for all faults of the input or the machine: a stable `code`, a message with the problem, and a `hint`
 * with the remedy. Any other error is a bug of Jettison, and is shown with its stack trace. Credentials of URLs and
 * headers are masked in all texts.
 */
export class JettisonError extends Error {
  override readonly name = 'JettisonError';
  readonly hint?: string;
  readonly location?: Location;
  readonly source?: string;
  readonly sourceLine?: number;
  readonly exitCode: number;
  readonly details?: Record<string, unknown>;

  /** @param code stable, upper snake case, e.g. `DOCKERFILE_SYNTAX`, `COPY_SOURCE_MISSING`, `RUN_FAILED` */
  constructor(
    readonly code: string,
    message: string,
    options: JettisonErrorOptions = {},
  ) {
    super(
      escapeBytes(withoutCredentials(message)),
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    if (options.hint !== undefined) this.hint = escapeBytes(withoutCredentials(options.hint));
    if (options.location !== undefined) this.location = options.location;
    if (options.source !== undefined) this.source = withoutCredentials(options.source);
    if (options.sourceLine !== undefined) this.sourceLine = options.sourceLine;
    if (options.details !== undefined) this.details = maskedDetails(options.details);
    this.exitCode = options.exitCode ?? EXIT.failed;
  }

  /** Everything but code and message, as the constructor takes it; absent parts are left out. */
  get options(): JettisonErrorOptions {
    const { hint, location, source, sourceLine, exitCode, cause, details } = this;
    const all = { hint, location, source, sourceLine, exitCode, cause, details };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  }

  /** A copy of this error in which the given parts are replaced. All others are kept, the cause included. */
  with(parts: JettisonErrorOptions & { code?: string; message?: string }): JettisonError {
    const { code = this.code, message = this.message, ...options } = parts;
    return new JettisonError(code, message, { ...this.options, ...options });
  }
}

/** The error for an invalid command line: exit code 2. */
export function usageError(message: string, hint: string): JettisonError {
  return new JettisonError('USAGE', message, { hint, exitCode: EXIT.usage });
}

function maskedDetails(details: Record<string, unknown>): Record<string, unknown> {
  const masked = (value: unknown): unknown => {
    if (typeof value === 'string') return withoutCredentials(value);
    return Array.isArray(value) ? value.map(masked) : value;
  };
  return Object.fromEntries(Object.entries(details).map(([name, value]) => [name, masked(value)]));
}

/** Bytes of names that are not UTF-8 (see layer/names.ts), in a form that can be read: `caf\xe9`. */
function escapeBytes(text: string): string {
  return text.replace(
    /(?<![\ud800-\udbff])[\udc80-\udcff]/g,
    (byte) => `\\x${(byte.charCodeAt(0) - 0xdc00).toString(16)}`,
  );
}
