import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { JettisonError } from '../errors/error.ts';
import type { StoreLayout } from './layout.ts';
import { isAlive, processIdentity } from './process-identity.ts';
import { readNames } from './temporary.ts';

/** Number of leases of this process, by file: builds in one process share a file. */
const held = new Map<string, number>();

/**
 * A shared lock for processes that use the store, and an exclusive one for a process that prunes it. A lease is a file
 * named after its process, so that leases of dead processes are ignored. Each side first writes its own file and then
 * looks for those of the other, so that at least one of them sees the other.
 */
export class Leases {
  readonly #shared: string;
  readonly #exclusive: string;

  constructor(layout: StoreLayout) {
    this.#shared = join(layout.locks, 'use');
    this.#exclusive = join(layout.locks, 'prune');
  }

  /**
   * Gets a shared lease, to read and add. Waits while another process prunes.
   *
   * @returns a function that ends the lease
   */
  async use(signal?: AbortSignal): Promise<() => void> {
    const path = join(this.#shared, processIdentity);
    while (!held.has(path)) {
      mkdirSync(this.#shared, { recursive: true });
      writeFileSync(path, '');
      if (this.#others(this.#exclusive).length === 0) break;
      rmSync(path, { force: true });
      await sleep(50, undefined, signal === undefined ? {} : { signal });
    }
    held.set(path, (held.get(path) ?? 0) + 1);
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      const left = held.get(path)! - 1;
      if (left > 0) {
        held.set(path, left);
        return;
      }
      held.delete(path);
      rmSync(path, { force: true });
    };
  }

  /**
   * Gets the exclusive lease. Waits until no other process uses the store.
   *
   * @param onWait called once before it waits
   * @returns a function that ends the lease
   * @throws JettisonError `STORE_BUSY` when another process is pruning
   */
  async prune(onWait: () => void, signal?: AbortSignal): Promise<() => void> {
    mkdirSync(this.#exclusive, { recursive: true });
    const path = join(this.#exclusive, processIdentity);
    writeFileSync(path, '');
    const end = () => rmSync(path, { force: true });
    try {
      if (this.#others(this.#exclusive).length > 0) {
        throw new JettisonError('STORE_BUSY', 'another process is pruning this store', {
          hint: 'Try again when it has finished.',
        });
      }
      for (let waited = false; this.#others(this.#shared).length > 0; waited = true) {
        if (!waited) onWait();
        await sleep(100, undefined, signal === undefined ? {} : { signal });
      }
      return end;
    } catch (error) {
      end();
      throw error;
    }
  }

  /** Leases of other live processes. Deletes those of dead ones. */
  #others(folder: string): string[] {
    return readNames(folder).filter((name) => {
      if (name === processIdentity) return false;
      const touched = statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs;
      if (touched !== undefined && isAlive(name, touched)) return true;
      rmSync(join(folder, name), { force: true });
      return false;
    });
  }
}
