import type { Why } from '../events/cause.ts';
import type { StepOutcome } from '../events/event.ts';
import type { BuildTimings } from '../events/timings.ts';
import type { Digest } from '../image/digest.ts';

/** How a build ended. `running` is what its process wrote at its beginning: see `stateOf`. */
export type BuildState = 'running' | 'ok' | 'failed' | 'interrupted';

/** A step of a build. */
export interface BuildStep {
  /** Unique in the build, e.g. `build/3`. */
  id: string;
  stage: string;
  /** Its number among its stage's, and their count; 0 for images that are only read. */
  index: number;
  total: number;
  /** The instruction in one line. */
  title: string;
  file?: string;
  line?: number;
  platform: string;
  /** Absent for steps that the build did not come to. */
  outcome?: StepOutcome;
  /** Milliseconds after the build's beginning. */
  startedMs?: number;
  durationMs?: number;
  definition?: Digest;
  /** The layer's id. */
  layer?: string;
  /** Why it ran, or came from elsewhere. */
  why?: Why;
  /** Its layer was another machine's. */
  elsewhere?: true;
  /** Secrets and SSH agents that it asks for, and whether they were there; their names only. */
  given?: Record<string, boolean>;
  /** Bytes that it printed. */
  outputBytes?: number;
}

/** `builds/records/<time>-<project>-<id>.json`: one build, whatever came of it. */
export interface BuildRecord {
  version: 1;
  /** 10 letters and digits. */
  id: string;
  /** Digest (16 hexadecimal digits) of the context's and the Dockerfile's place: whose builds are compared. */
  project: string;
  context: string;
  dockerfile: string;
  target?: string;
  platforms: string[];
  /** RFC 3339. */
  started: string;
  durationMs?: number;
  state: BuildState;
  /** Identity of the process, while it runs. */
  process?: string;
  error?: { code: string; message: string };
  git?: GitState;
  /** Arguments of the command line, without secrets; absent when a program asked for the build. */
  command?: string[];
  tags?: string[];
  imageId?: Digest;
  digest?: Digest;
  steps: BuildStep[];
  /** Where its time went; absent while it runs. */
  timings?: BuildTimings;
}

/** The commit that a context was at. */
export interface GitState {
  commit: string;
  branch?: string;
  /** Whether tracked files were changed; absent where nobody asked. */
  dirty?: boolean;
}

/** A piece of what a step printed. */
export interface LogEntry {
  step: string;
  stream: 'stdout' | 'stderr';
  text: string;
}

/** More of a project's builds than these are not looked through. */
export const COMPARED_BUILDS = 100;
