/**
 * The files of a repository, for the readers of this room, which do no other I/O. Paths are absolute, e.g.
 * `/src/app/.git/HEAD`.
 *
 * A repository is untrusted: implementations open only regular files, and never wait for a FIFO.
 */
export interface RepositoryFiles {
  /** A whole file; undefined if it is missing. @throws JettisonError `GIT_LIMIT` above `most` bytes */
  read(path: string, most: number): Buffer | undefined;
  /** Opens a file to read in pieces; undefined if it is missing. Returns the same object for the same path. */
  open(path: string): RandomFile | undefined;
  /** Names in a directory; empty if it is missing. */
  names(path: string): string[];
  isDirectory(path: string): boolean;
}

export interface RandomFile {
  readonly size: number;
  /** Reads up to `length` bytes, fewer at the end of the file. The result must not be modified. */
  read(position: number, length: number): Buffer;
}
