import { closeSync, createReadStream, fstatSync, openSync } from 'node:fs';
import { JettisonError } from '../errors/error.ts';
import { checkLimit, type LimitName } from '../errors/limits.ts';
import { readFully } from '../layer/host-file.ts';
import { type TarHeader, TarReader } from '../layer/tar-read.ts';
import type { LayoutFiles } from './layout-files.ts';
import { MemberNames } from './member-names.ts';

const BLOCK = 512;

interface Member {
  offset: number;
  size: number;
}

/**
 * A tar on disk with random access: headers are read once, contents on demand. Member names are never used as paths.
 */
export class TarFile implements LayoutFiles {
  readonly #members = new Map<string, Member>();
  readonly #names = new MemberNames();

  readonly #fd: number;

  private constructor(
    fd: number,
    readonly path: string,
  ) {
    this.#fd = fd;
  }

  /**
   * @param path of an uncompressed tar; must be a regular file
   * @throws JettisonError `TAR_INVALID`, `TAR_UNSUPPORTED`, `LIMIT_EXCEEDED`
   */
  static open(path: string): TarFile {
    const fd = openSync(path, 'r');
    const file = new TarFile(fd, path);
    try {
      file.#readHeaders();
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    return file;
  }

  /** The content of a small member; undefined when it does not exist. */
  read(name: string, limit: LimitName): Buffer | undefined {
    const member = this.#find(name);
    if (member === undefined) return undefined;
    checkLimit(limit, member.size, `${name} in ${this.path}`, 'ARCHIVE_INVALID');
    const bytes = Buffer.alloc(member.size);
    this.#fill(bytes, member.offset);
    return bytes;
  }

  size(name: string): number | undefined {
    return this.#find(name)?.size;
  }

  /** @throws JettisonError `ARCHIVE_INVALID` when the member does not exist */
  async *open(name: string): AsyncGenerator<Buffer> {
    const member = this.#find(name);
    if (member === undefined) {
      throw new JettisonError('ARCHIVE_INVALID', `${this.path} is incomplete: it lacks ${name}`, {
        hint: 'Save the image again with all its layers.',
      });
    }
    const { offset, size } = member;
    if (size === 0) return;
    const range = { fd: this.#fd, autoClose: false, start: offset, end: offset + size - 1 };
    for await (const chunk of createReadStream('', { ...range, highWaterMark: 1 << 20 }))
      yield chunk as Buffer;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #readHeaders(): void {
    const { size } = fstatSync(this.#fd);
    const block = Buffer.alloc(BLOCK);
    let at = 0;
    const reader = new TarReader({
      entry: (header) => this.#note(header, at + BLOCK),
      data: () => {},
      end: () => {},
    });
    while (at + BLOCK <= size) {
      this.#fill(block, at);
      reader.write(Buffer.from(block));
      at += BLOCK + reader.awaited;
      reader.skip();
    }
    if (at > size) {
      throw new JettisonError('TAR_INVALID', `${this.path} ends in the middle of an entry`, {
        hint: 'The file is truncated: save the image again.',
      });
    }
    reader.end();
  }

  #note(header: TarHeader, offset: number): void {
    const name = this.#names.add(header);
    if (header.type === 'file') this.#members.set(name, { offset, size: header.size });
  }

  #find(name: string): Member | undefined {
    return this.#members.get(this.#names.find(name));
  }

  #fill(bytes: Buffer, position: number): void {
    if (readFully(this.#fd, bytes, position) === bytes.length) return;
    throw new JettisonError('TAR_INVALID', `${this.path} became shorter while it was read`);
  }
}
