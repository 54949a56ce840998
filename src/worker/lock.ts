import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StoreLayout } from '../store/layout.ts';
import { tryLock } from './native.ts';

const SHORTEST_WAIT_MS = 2;
const LONGEST_WAIT_MS = 100;

/**
 * Locks between all builds of one store: one file each, locked with flock(2), so that the kernel releases them
 * however their holder ends.
 */
export class Locks {
  readonly #held = new Map<string, number>();

  readonly #layout: StoreLayout;

  constructor(layout: StoreLayout) {
    this.#layout = layout;
  }

  /**
   * Waits until the lock is free, and takes it.
   *
   * @param name a plain file name
   * @param signal ends the waiting, with its reason
   */
  async take(name: string, signal?: AbortSignal): Promise<void> {
    const fd = this.#open(name);
    try {
      await untilLocked(fd, 'exclusive', signal);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    this.#held.set(name, fd);
  }

  /**
   * Waits until nobody holds the lock alone, and holds it together with others.
   *
   * @returns a function that gives it back
   */
  async share(name: string, signal: AbortSignal): Promise<() => void> {
    const fd = this.#open(name);
    try {
      await untilLocked(fd, 'shared', signal);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    return () => closeSync(fd);
  }

  /** Takes a lock if it is free. */
  tryTake(name: string): boolean {
    const fd = this.#open(name);
    if (tryLock(fd, 'exclusive')) {
      this.#held.set(name, fd);
      return true;
    }
    closeSync(fd);
    return false;
  }

  /** Releases a lock; does nothing if it is not held. */
  release(name: string): void {
    const fd = this.#held.get(name);
    if (fd === undefined) return;
    this.#held.delete(name);
    closeSync(fd);
  }

  #open(name: string): number {
    if (!/^[\w-][\w.-]*$/.test(name)) throw new Error(`invalid lock name "${name}"`);
    mkdirSync(this.#layout.locks, { recursive: true });
    return openSync(join(this.#layout.locks, name), 'a');
  }
}

async function untilLocked(fd: number, kind: 'shared' | 'exclusive', signal?: AbortSignal): Promise<void> {
  for (let wait = SHORTEST_WAIT_MS; !tryLock(fd, kind); wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    await sleep(wait);
    signal?.throwIfAborted();
  }
}
