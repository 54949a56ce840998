import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { type FileHandle, open, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { JettisonError } from '../errors/error.ts';
import { writing } from '../errors/system.ts';
import { canonicalJson } from '../image/digest.ts';
import { blobName, LAYOUT_MARKER, layoutIndex } from '../image/layout.ts';
import type { Descriptor } from '../image/types.ts';
import { verifiedBlob } from '../image/verified-blob.ts';
import { isWithin } from '../layer/host-file.ts';
import { makeFolder } from '../layer/make-folder.ts';

/** Where files are until they are complete, relative to the layout. */
export const TEMPORARY = 'tmp';
const LEFTOVER = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Leftovers of killed writers are deleted after this time. */
const LEFTOVER_MS = 24 * 60 * 60 * 1000;
/** How often a temporary folder is made again that another writer has deleted. */
const ATTEMPTS = 10;
const DAMAGED_HINT = 'It was damaged on its way: run `jettison doctor --store`, then try again.';

export interface FolderWriterOptions {
  /** Makes the error for a failed system call. */
  unwritable: (error: Error) => JettisonError;
  /** Makes the error for a folder that leads out of the layout. */
  invalid: (reason: string) => JettisonError;
  /** Modes and times as archives have them: the same whoever writes, whenever. */
  reproducible?: boolean;
}

/**
 * Writes a folder that is an OCI image layout, or becomes one. Each file is complete before it has its name, and
 * `index.json` comes last: a process that is killed leaves the layout that was there before, or none. Nothing is written
 * through a symbolic link to another place.
 */
export class FolderWriter {
  readonly #folder: string;
  readonly #options: FolderWriterOptions;
  #madeTemporary = false;

  constructor(folder: string, options: FolderWriterOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  /**
   * Adds a blob, in the place of one that may be there.
   *
   * @throws JettisonError `DIGEST_MISMATCH` when the bytes are not what the descriptor says; what `bytes` throws
   */
  async addBlob(blob: Pick<Descriptor, 'digest' | 'size'>, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    let unreadable: unknown;
    async function* read() {
      try {
        yield* verifiedBlob(blob, bytes, DAMAGED_HINT);
      } catch (error) {
        unreadable = error;
        throw error;
      }
    }
    await this.#write(blobName(blob.digest), read(), (error) => error === unreadable);
  }

  /** Writes `oci-layout` and `index.json`: all blobs that it names must be there. */
  async writeIndex(manifests: Descriptor[]): Promise<void> {
    await this.write('oci-layout', LAYOUT_MARKER);
    await this.write('index.json', canonicalJson(layoutIndex(manifests)));
  }

  /** @param name of the file, relative to the layout */
  async write(name: string, text: string): Promise<void> {
    await this.#write(name, text);
  }

  /** Ends the writing. Deletes what killed writers have left, and the temporary folder if it was not there before. */
  finish(): void {
    try {
      if (this.#options.reproducible) this.#fixFolders();
    } catch (error) {
      throw this.#failure(error);
    }
    try {
      this.#sweep();
    } catch (error) {
      // Other writers are at work, or it may not be deleted: the layout itself is whole.
      if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    }
  }

  #sweep(): void {
    const temporary = join(this.#folder, TEMPORARY);
    if (!isWithin(this.#folder, temporary)) return;
    for (const name of readdirSync(temporary)) {
      const path = join(temporary, name);
      const touched = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
      if (LEFTOVER.test(name) && Date.now() - touched > LEFTOVER_MS) rmSync(path, { force: true });
    }
    if (this.#madeTemporary) rmdirSync(temporary);
  }

  #fixFolders(): void {
    for (const name of ['blobs/sha256', 'blobs']) {
      const folder = join(this.#folder, name);
      chmodSync(folder, 0o755);
      utimesSync(folder, 0, 0);
    }
  }

  async #write(
    name: string,
    content: string | AsyncIterable<Uint8Array>,
    isOthers: (error: unknown) => boolean = () => false,
  ): Promise<void> {
    const target = join(this.#folder, name);
    const partial = join(this.#folder, TEMPORARY, randomUUID());
    try {
      const file = await this.#open(partial);
      try {
        await writing(target, () => writeFile(file, content));
        if (this.#options.reproducible) {
          await file.chmod(0o644);
          await file.utimes(0, 0);
        }
      } finally {
        await file.close();
      }
      this.#makeFolder(dirname(name));
      renameSync(partial, target);
    } catch (error) {
      if (existsSync(partial)) rmSync(partial);
      throw isOthers(error) ? error : this.#failure(error);
    }
  }

  async #open(partial: string): Promise<FileHandle> {
    for (let attempt = 1; ; attempt++) {
      try {
        this.#madeTemporary ||= !existsSync(dirname(partial));
        this.#makeFolder(TEMPORARY);
        return await open(partial, 'wx');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt === ATTEMPTS) throw error;
      }
    }
  }

  /** Makes folders one by one, never through a link. @param name relative to the layout */
  #makeFolder(name: string): void {
    const parent = dirname(name);
    if (parent !== name) this.#makeFolder(parent);
    const folder = join(this.#folder, name);
    makeFolder(folder);
    if (name !== '.' && !isWithin(this.#folder, folder)) {
      throw this.#options.invalid(`cannot be written: ${folder} is a symbolic link to another place`);
    }
  }

  #failure(error: unknown): unknown {
    const isSystems = error instanceof Error && (error as NodeJS.ErrnoException).syscall !== undefined;
    return isSystems ? this.#options.unwritable(error) : error;
  }
}
