/**
 * What a step spends its time on, in this order:
 *
 * - `queue`: it could begin, and waits for another build that runs the same command
 * - `lookup`: its sources are listed and hashed, and the store is asked for its layer
 * - `fetch`: bytes of a base image, a URL or a cache come in
 * - `unpack`: layers of a base image become files
 * - `materialise`: layers below a command, and what it mounts, become directories
 * - `start`: the worker and the command's sandbox are set up
 * - `run`: the command runs; of other steps, the layer is written
 * - `scan`: what a command changed is found, and becomes a layer
 * - `pack`: its layer becomes a compressed blob, for the export
 * - `push`: that blob is sent
 */
export const PHASES = [
  'queue',
  'lookup',
  'fetch',
  'unpack',
  'materialise',
  'start',
  'run',
  'scan',
  'pack',
  'push',
] as const;

export type Phase = (typeof PHASES)[number];

/** A stretch of time that a step spent on one thing. */
export interface PhaseSpan {
  phase: Phase;
  /** Milliseconds since 1970. */
  startedAt: number;
  durationMs: number;
}
