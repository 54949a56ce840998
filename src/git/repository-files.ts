/**
 * The files of a repository as the readers of this room see them: they do no I/O of their own. Paths are absolute, e.g.
 * `/src/app/.git/HEAD`.
 *
 * A repository may be anybody's: implementations open regular files only, and never wait for a FIFO.
 */
export interface RepositoryFiles {
  /** A whole file; undefined when there is none. @throws JettisonError `GIT_LIMIT` above `most` bytes */
  read(path: string, most: number): Buffer | undefined;
  /** Opens a file that is read in pieces; undefined when there is none. The same one is returned for the same path. */
  open(path: string): RandomFile | undefined;
  /** Names in a directory; none when there is no directory. */
  names(path: string): string[];
  isDirectory(path: string): boolean;
}

export interface RandomFile {
  readonly size: number;
  /** Fewer bytes than asked for at the end of the file. What is returned must not be written to. */
  read(position: number, length: number): Buffer;
}
