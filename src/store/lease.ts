import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { JettisonError } from '../errors/error.ts';
import type { StoreLayout } from './layout.ts';
import { isAlive, processIdentity } from './process-identity.ts';
import { readNames } from './temporary.ts';

/** How many leases this process has of each file: builds in one process share it. */
const held = new Map<string, number>();

/**
 * Keeps those who use the store (many at once) and those who prune it (one, alone) apart, across processes.
 * A lease is a file that names its process, so that one of a dead process counts for nothing. Each side first
 * announces itself and then looks for the other, so that at least one of them always sees the other.
 */
export class Leases {
  readonly #shared: string;
  readonly #exclusive: string;

  constructor(layout: StoreLayout) {
    this.#shared = join(layout.locks, 'use');
    this.#exclusive = join(layout.locks, 'prune');
  }

  /**
   * Announces that this process reads and adds; waits while somebody prunes.
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
   * Waits until no other process uses the store, and keeps others out.
   *
   * @param onWait called once when there is something to wait for
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

  /** Live leases of other processes; those of dead ones are swept. */
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
