import type { SharedCache } from '../cache/shared-cache.ts';
import type { Context } from '../context/context.ts';
import type { Emit } from '../events/event.ts';
import type { StepWatch } from '../history/step-watch.ts';
import type { Descriptor } from '../image/types.ts';
import type { RecipeEntry } from '../layer/entry.ts';
import type { BaseImage } from '../plan/plan.ts';
import type { Limits, Ulimit } from '../protocol/exec-request.ts';
import type { Worker } from '../protocol/operations.ts';
import type { RemoteRunner } from '../protocol/remote-run.ts';
import type { Remotes } from '../remote/remotes.ts';
import type { FailedCommand, Failure } from '../store/failures.ts';
import type { ReadableForms } from '../store/forms.ts';
import type { Store } from '../store/store.ts';
import type { BaseFetch } from './base-fetches.ts';
import type { BuildCacheMounts } from './steps/cache-mount-import.ts';

/** Settings of the command line for all RUN steps of a build. */
export interface RunSettings {
  /** Names to add to /etc/hosts: `[name, address]`. Part of the keys. */
  hosts: [string, string][];
  limits: Limits;
  /** Part of the keys. */
  ulimits: Ulimit[];
  /** Bytes of /dev/shm. Part of the keys. */
  shmSize?: number;
  /** Time limit of one command in milliseconds. */
  timeout?: number;
}

/** The point at which a build stops for `jettison debug`. */
export interface HaltPoint {
  /** Id of a RUN; default: the first one with a failure in the store. */
  step?: string;
  /** Stops after that RUN instead of before it. */
  after?: boolean;
  /** The failures in the store, latest first. */
  failures: readonly Failure[];
}

/** Services and settings of one build, for all parts of the solver. */
export interface SolveContext {
  readonly store: Store;
  readonly buildContext: Context;
  /** A named build context. */
  named(name: string): Promise<Context>;
  /** Fetches URLs and repositories. */
  remotes(): Promise<Remotes>;
  readonly emit: Emit;
  /** Aborted when the build is cancelled or one of its steps has failed. */
  readonly signal: AbortSignal;
  /** Does not look up results of earlier builds. */
  readonly noCache: boolean;
  /** Names of stages that are built without cache. */
  readonly noCacheStages: ReadonlySet<string>;
  /** Modification time of files made by the build itself, in seconds since 1970. */
  readonly time: number;
  /** The caches of other machines. */
  readonly shared: SharedCache | undefined;
  /** The cache mounts of this build's commands. */
  readonly cacheMounts: BuildCacheMounts;
  /** Content of the secrets, by id. */
  readonly secrets: ReadonlyMap<string, Uint8Array>;
  /** Absolute paths of the sockets of SSH agents, by id. */
  readonly agents: ReadonlyMap<string, string>;
  /** Settings of all RUN steps. */
  readonly run: RunSettings;
  /** The command line of this build, recorded with a failed step. */
  readonly command: FailedCommand | undefined;
  /** The point at which to stop, if any. */
  readonly halt: HaltPoint | undefined;
  /** Called for steps that the store did not have. */
  readonly watch: StepWatch | undefined;
  /** Warnings about all steps that have already been emitted. */
  readonly warned: Set<string>;
  /** Runs commands on other machines; undefined: all run here. */
  readonly elsewhere: RemoteRunner | undefined;
  /** The worker, started on first use. */
  worker(): Promise<Worker>;
  /** The directory forms that the worker reads, its own first. A guess until it is started. */
  forms(): ReadableForms;
  /** Downloads a base image's blob into the store. */
  fetchBlob(blob: Descriptor): Promise<void>;
  /** The fetch of a base image, which is a step of its own. */
  baseFetch(image: BaseImage): BaseFetch;
  /**
   * The entries with sources that exist: those of the recipe for a layer that is only a recipe, else the layer's
   * directory, which is made.
   */
  resolveSources(entries: Iterable<RecipeEntry>): Promise<RecipeEntry[]>;
}
