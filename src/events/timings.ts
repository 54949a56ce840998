import type { StepOutcome } from './event.ts';
import type { Phase } from './phase.ts';

/** A stretch of time: milliseconds since the build began. */
export interface TimeSpan {
  startMs: number;
  endMs: number;
}

/** One thing that took time in a build. */
export interface TimedPart {
  /** A step's id; `plan`; `export WHAT` or `import WHAT`. */
  id: string;
  /** `plan`: the inputs are read, registries are asked about base images, steps are planned. */
  kind: 'plan' | 'step' | 'import' | 'export';
  /** As it is shown: `[build 3/5] RUN npm ci`. */
  title: string;
  /** Of a step. */
  stage?: string;
  /** Of a step that has ended. */
  outcome?: StepOutcome;
  /** Id of the part whose work this is, too: a base image of several stages is fetched once. */
  sameAs?: string;
  /** Ids of the parts that must be over before this one begins, as far as they are known. */
  needs: string[];
  /** When it was worked on, in order of time: no two of them overlap. Waiting and packing are not in it. */
  busy: TimeSpan[];
  /** In order of time; no two of them overlap, apart from `pack` and `push`. Below a millisecond they are left out. */
  phases: ({ phase: Phase } & TimeSpan)[];
}

/** Where the time of a build went. JSON: what is kept of builds has it. */
export interface BuildTimings {
  /** Milliseconds since 1970. */
  startedAt: number;
  durationMs: number;
  /** In the order of the plan: `plan`, steps, imports and exports. */
  parts: TimedPart[];
}
