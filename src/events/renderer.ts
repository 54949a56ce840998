import type { Writable } from 'node:stream';
import type { BuildEvent } from './event.ts';

/** Where progress is shown: stderr, or a test's stand-in. */
export type Output = Writable & { isTTY?: boolean; columns?: number; rows?: number };

/** Shows a build's events while they happen. */
export interface Renderer {
  handle(event: BuildEvent): void;
  /** Ends the output and restores the terminal. May be called more than once. */
  end(): void;
}
