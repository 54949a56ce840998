import { closeSync, fstatSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { readFully } from '../layer/host-file.ts';

/** A file, or a part of one, of which any range can be read. */
export interface RandomAccess {
  readonly size: number;
  /** @returns fewer bytes where the file ends before */
  read(offset: number, length: number): Buffer;
}

/** Size in bytes up to which a file is held in memory. */
const MEMORY_LIMIT = 16 << 20;
const PIECE = 1 << 18;

/** Collects a file that comes in pieces: in memory if it is small, else in a temporary file that has no name. */
export class Spool {
  readonly #memory: Buffer | undefined;
  readonly #fd: number = -1;
  #size = 0;

  /** @param temporary a path for a large one */
  constructor(size: number, temporary: () => string) {
    if (size <= MEMORY_LIMIT) {
      this.#memory = Buffer.alloc(size);
      return;
    }
    const path = temporary();
    this.#fd = openSync(path, 'wx+', 0o600);
    unlinkSync(path);
  }

  write(chunk: Buffer): void {
    if (this.#memory !== undefined) {
      chunk.copy(this.#memory, this.#size);
      this.#size += chunk.length;
      return;
    }
    for (let at = 0; at < chunk.length; ) {
      const written = writeSync(this.#fd, chunk, at, chunk.length - at, this.#size);
      at += written;
      this.#size += written;
    }
  }

  /** Valid until `close`. */
  get content(): RandomAccess {
    if (this.#memory !== undefined) return bytes(this.#memory.subarray(0, this.#size));
    return {
      size: this.#size,
      read: (offset, length) => readAt(this.#fd, offset, Math.max(0, Math.min(length, this.#size - offset))),
    };
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
  }
}

/** A file on the disk. */
export class FileAccess implements RandomAccess {
  readonly #fd: number;
  readonly size: number;

  constructor(path: string) {
    this.#fd = openSync(path, 'r');
    this.size = fstatSync(this.#fd).size;
  }

  read(offset: number, length: number): Buffer {
    return readAt(this.#fd, offset, Math.max(0, Math.min(length, this.size - offset)));
  }

  close(): void {
    closeSync(this.#fd);
  }
}

function readAt(fd: number, offset: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  return buffer.subarray(0, readFully(fd, buffer, offset));
}

export function bytes(content: Buffer): RandomAccess {
  return {
    size: content.length,
    read: (offset, length) => content.subarray(offset, offset + Math.max(0, length)),
  };
}

/** A part of a file as a file. */
export function part(of: RandomAccess, start: number, size: number): RandomAccess {
  return {
    size,
    read: (offset, length) => of.read(start + offset, Math.max(0, Math.min(length, size - offset))),
  };
}

/** All of a file, in order. */
export function piecesOf(of: RandomAccess): Iterable<Buffer> {
  return {
    *[Symbol.iterator]() {
      for (let at = 0; at < of.size; at += PIECE) yield of.read(at, PIECE);
    },
  };
}
