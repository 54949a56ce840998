import type { SharedCache } from '../cache/shared-cache.ts';
import type { Context } from '../context/context.ts';
import type { Emit } from '../events/event.ts';
import type { StepWatch } from '../history/step-watch.ts';
import type { Descriptor } from '../image/types.ts';
import type { RecipeEntry } from '../layer/entry.ts';
import type { BaseImage } from '../plan/plan.ts';
import type { Limits, Ulimit } from '../protocol/exec-request.ts';
import type { Worker } from '../protocol/operations.ts';
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
  /** Milliseconds that one command may take. */
  timeout?: number;
}

/** Where a build stops for `jettison debug`. */
export interface HaltPoint {
  /** The id of a RUN; default: the first one that has a failure in the store. */
  step?: string;
  /** After that RUN instead of before it. */
  after?: boolean;
  /** The failures in the store, latest first. */
  failures: readonly Failure[];
}

/** Services and settings of one build, for all parts of the solver. */
export interface SolveContext {
  readonly store: Store;
  readonly buildContext: Context;
  /** A build context that was given a name. */
  named(name: string): Promise<Context>;
  /** Fetches URLs and repositories. */
  remotes(): Promise<Remotes>;
  readonly emit: Emit;
  /** Aborted when the build is cancelled or one of its steps has failed. */
  readonly signal: AbortSignal;
  /** Look up nothing that earlier builds made. */
  readonly noCache: boolean;
  /** Names of stages that are built without cache. */
  readonly noCacheStages: ReadonlySet<string>;
  /** Modification time of files that the build itself makes, in seconds since 1970. */
  readonly time: number;
  /** The caches of other machines. */
  readonly shared: SharedCache | undefined;
  /** The cache mounts that commands have had. */
  readonly cacheMounts: BuildCacheMounts;
  /** Content of the secrets, by id. */
  readonly secrets: ReadonlyMap<string, Uint8Array>;
  /** Absolute paths of the sockets of SSH agents, by id. */
  readonly agents: ReadonlyMap<string, string>;
  /** Settings of all RUN steps. */
  readonly run: RunSettings;
  /** The command line of this build, kept with what a failed step leaves. */
  readonly command: FailedCommand | undefined;
  /** Where to stop, if anywhere. */
  readonly halt: HaltPoint | undefined;
  /** Is told of steps that the store did not have. */
  readonly watch: StepWatch | undefined;
  /** Messages that concern all steps and have been emitted as warnings. */
  readonly warned: Set<string>;
  /** The worker, started on first demand. */
  worker(): Promise<Worker>;
  /** Which directory forms of layers the worker makes and reads, as far as is known without starting it. */
  forms(): ReadableForms;
  /** Downloads a base image's blob into the store. */
  fetchBlob(blob: Descriptor): Promise<void>;
  /** The fetching of a base image, which is a step of its own. */
  baseFetch(image: BaseImage): BaseFetch;
  /**
   * The same entries with places that hold their bytes: of a layer that is only a recipe the places that it names,
   * of others the directory, which is made.
   */
  resolveSources(entries: Iterable<RecipeEntry>): Promise<RecipeEntry[]>;
}
