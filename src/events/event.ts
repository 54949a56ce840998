import type { JettisonError, Location } from '../errors/error.ts';
import type { Digest } from '../image/digest.ts';
import type { Why } from './cause.ts';
import type { PhaseSpan } from './phase.ts';
import type { TransferProgress } from './transfer.ts';

/** How a step came to its result. */
export type StepOutcome =
  /** Its instruction ran. */
  | 'done'
  /** Definition and inputs are those of an earlier build. */
  | 'cached'
  /** Something before it changed, but nothing that it observes: its layer floats along. */
  | 'reused'
  | 'failed'
  | 'cancelled';

/**
 * Everything that happens in a build, in order. The renderers (tty, plain, rawjson, quiet) and the library's
 * callers see the same stream; `time` is in milliseconds since 1970.
 */
export type BuildEvent = { time: number } & (
  | { type: 'build.started'; dockerfile: string; context: string; target?: string }
  /** A registry is asked for the manifest of an image, before the build can be planned. */
  | { type: 'image.resolving'; image: string }
  | { type: 'image.resolved'; image: string; durationMs: number }
  /** Sent once, before any step starts. */
  | { type: 'build.planned'; steps: StepInfo[] }
  /**
   * A `FROM` starts when something of its image is fetched or unpacked: that may be later than the first step of its
   * stage, and more than once; the time of the last end is that of all. Steps of a stage start again when a layer of a
   * cache, which was to save one of them, turns out to be lost.
   */
  | { type: 'step.started'; step: string }
  | { type: 'step.output'; step: string; stream: 'stdout' | 'stderr'; text: string }
  /** Free text on what the step is doing now, e.g. `hashing 20000 files`. */
  | { type: 'step.progress'; step: string; text: string }
  /** Sent when a phase of a step is over; some are before its start. Phases below a millisecond are not told. */
  | ({ type: 'step.phase'; step: string } & PhaseSpan)
  /**
   * Why a step is carried out, or comes from another machine, though a similar one is on record; `text` names the root
   * causes: `src/a.ts changed (1.2kB → 1.3kB) since the build 12 minutes ago`.
   */
  | { type: 'step.explained'; step: string; text: string; why: Why; elsewhere?: true }
  | { type: 'step.finished'; step: string; outcome: StepOutcome; durationMs: number; layer?: string }
  /**
   * Something is fetched (`in`) or sent (`out`) for a step or an export, which `of` names by its id or its `what`.
   * Changes of state are all told, bytes in between ten times a second.
   */
  | ({ type: 'transfer'; of: string; direction: 'in' | 'out' } & TransferProgress)
  /** `import`: what other machines have is read, and nothing is exported. */
  | { type: 'export.started'; what: string; import?: true }
  /** A layer was packed. `layer` is its name in the store, as in `step.finished`; `blob` the digest that is sent. */
  | {
      type: 'export.layer';
      diffId: Digest;
      layer?: string;
      blob?: Digest;
      size: number;
      durationMs: number;
      reused: boolean;
    }
  | { type: 'export.finished'; what: string; durationMs: number }
  | { type: 'warning'; code: string; message: string; hint?: string; location?: Location }
  | {
      type: 'build.finished';
      /** Digest of the manifest; absent where only files were asked for. */
      digest?: Digest;
      /** Digest of the config: what Docker calls the image id. */
      imageId?: Digest;
      tags: string[];
      /** How many layers the image has, the bytes of their blobs, and of the files in them. */
      layers?: { count: number; bytes: number; unpacked?: number };
      durationMs: number;
    }
  | { type: 'build.failed'; error: JettisonError | Error; durationMs: number }
);

export interface StepInfo {
  /** Unique in the build, e.g. `build/3`. */
  id: string;
  /** The stage as people call it: its name, else `stage-N`. */
  stage: string;
  /** The step's number among its stage's and their count: `[build 3/5]`. */
  index: number;
  total: number;
  /** The instruction as shown, one line, e.g. `COPY package.json ./`. */
  title: string;
  location?: Location;
  /** Ids of the steps that it stands on, or reads files of. */
  needs?: string[];
}

type WithoutTime<T> = T extends unknown ? Omit<T, 'time'> : never;

/** What emitters pass on; the stream adds the time. */
export type BuildEventBody = WithoutTime<BuildEvent>;

export type Emit = (event: BuildEventBody) => void;
