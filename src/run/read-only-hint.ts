import { posix } from 'node:path';

/**
 * Messages about a read-only file system: of Node (`EROFS: read-only file system, open '/x'`), Python and Ruby, Go
 * (`open /x: read-only file system`), and of shells and core utilities
 * (`touch: cannot touch '/x': Read-only file system`).
 */
const FORMS = [
  /EROFS: read-only file system, \w+ '([^'\n]+)'/,
  /Read-only file system: '([^'\n]+)'/,
  /Read-only file system @ \w+ - (\S+)/,
  /['"‘`]([^'"’`\n]+)['"’`]:? (?:\([^)]*\): )?read-only file system/i,
  /(?:create|open|touch|mkdir|remove|rename|write|unlink|chmod|chown|to) ([^\s'":]+): read-only file system/i,
  /([^\s'":]+): read-only file system/i,
  /"path":\s*"([^"\n]+)"[^\n]*EROFS|EROFS[^\n]*"path":\s*"([^"\n]+)"/,
];
const LONGEST_LINE = 16 * 1024;

/** Finds the path that a command failed to write to, in the command's output. */
export class ReadOnlyWatch {
  #path: string | undefined;
  #rest = '';

  readonly #cwd: string;

  /** @param cwd working directory of the command */
  constructor(cwd: string) {
    this.#cwd = cwd;
  }

  listen(data: Uint8Array): void {
    const text = this.#rest + Buffer.from(data).toString('utf8');
    // The last message is most likely the reason for the command's failure.
    this.#path = pathIn(text, this.#cwd) ?? this.#path;
    this.#rest = text.slice(text.lastIndexOf('\n') + 1).slice(-LONGEST_LINE);
  }

  /** A note for a command that failed; undefined if its output has no such message. */
  note(): string | undefined {
    const path = this.#path;
    if (path === undefined) return undefined;
    const folder = posix.dirname(path);
    return `the command tried to write ${path}, which is read-only; -v ${folder} makes that folder writable`;
  }
}

/** The path in the last such message of a text; undefined without one. */
export function pathIn(text: string, cwd: string): string | undefined {
  if (!/read-only file system|EROFS/i.test(text)) return undefined;
  for (const line of text.split('\n').toReversed()) {
    for (const form of FORMS) {
      const match = form.exec(line);
      const path = match?.[1] ?? match?.[2];
      if (path !== undefined) return posix.resolve(cwd, path);
    }
  }
  return undefined;
}
