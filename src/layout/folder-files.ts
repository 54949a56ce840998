import { closeSync, createReadStream, fstatSync, readFileSync } from 'node:fs';
import { checkLimit, type LimitName } from '../errors/limits.ts';
import { openFileWithin } from '../layer/host-file.ts';
import type { Invalid, LayoutFiles } from './layout-files.ts';

/** The regular files of a folder; symlinks that lead out of it are refused. */
export class FolderFiles implements LayoutFiles {
  readonly #folder: string;
  readonly #invalid: Invalid;

  constructor(folder: string, invalid: Invalid) {
    this.#folder = folder;
    this.#invalid = invalid;
  }

  read(name: string, limit: LimitName): Buffer | undefined {
    return this.#with(name, (fd) => {
      checkLimit(limit, fstatSync(fd).size, `${name} in ${this.#folder}`, this.#invalid('').code);
      return readFileSync(fd);
    });
  }

  size(name: string): number | undefined {
    return this.#with(name, (fd) => fstatSync(fd).size);
  }

  async *open(name: string): AsyncGenerator<Buffer> {
    const fd = this.#open(name);
    if (fd === undefined) throw this.#invalid(`${name} is missing`);
    yield* createReadStream('', { fd, highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>;
  }

  #with<T>(name: string, read: (fd: number) => T): T | undefined {
    const fd = this.#open(name);
    if (fd === undefined) return undefined;
    try {
      return read(fd);
    } finally {
      closeSync(fd);
    }
  }

  #open(name: string): number | undefined {
    try {
      return openFileWithin(this.#folder, name);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      switch (code) {
        case undefined:
          throw error;
        case 'ENOENT':
          return undefined;
        case 'EINVAL':
          throw this.#invalid(`${name} is not a file`);
        case 'ELOOP':
          throw this.#invalid(message, 'Copy it with `cp -RL`, so that its files are in it.');
        default:
          throw this.#invalid(message);
      }
    }
  }
}
