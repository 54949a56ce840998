import type { CacheSource, CacheTarget } from '../cache/backends.ts';
import type { Diagnostic } from '../dockerfile/ast.ts';
import { closest } from '../errors/closest.ts';
import { EXIT, JettisonError } from '../errors/error.ts';
import type { BuildEvent } from '../events/event.ts';
import type { TimingsRecorder } from '../events/timings-recorder.ts';
import type { Output } from '../export/exporters.ts';
import type { Digest } from '../image/digest.ts';
import type { Descriptor, ImageConfig } from '../image/types.ts';
import type { Limits, Ulimit } from '../protocol/exec-request.ts';
import type { RungChoice } from '../protocol/rung.ts';
import type { FailedCommand } from '../store/failures.ts';

/** The source of a secret's content, which is read when the build starts. */
export type SecretSource = { file: string } | { env: string } | { value: string };

export interface BuildOptions {
  /**
   * What COPY reads: a directory, a tar, a git or http URL, or `-` for a tar or a Dockerfile from `stdin`.
   */
  context: string;
  /**
   * The Dockerfile, relative to the working directory, in other contexts than directories to their root; `-` reads
   * `stdin`. Default: `Dockerfile` in the context.
   */
  file?: string;
  /**
   * Contexts by name, which take the place of stages, images and contexts: a directory, a tar, a URL,
   * `docker-image://NAME` or `oci-layout://FOLDER[:TAG|@DIGEST]`.
   */
  contexts?: Record<string, string>;
  /** Where a context or a Dockerfile named `-` comes from. */
  stdin?: AsyncIterable<Uint8Array | string>;
  /** Name or number of the stage to build; default: the last one. */
  target?: string;
  /** Names for the image; without any it is kept by its id. */
  tags?: string[];
  buildArgs?: Record<string, string>;
  /** Added to the image's labels. */
  labels?: Record<string, string>;
  /** By the id that `RUN --mount=type=secret,id=` names. */
  secrets?: Record<string, SecretSource>;
  /** Sockets of SSH agents, by the id that `RUN --mount=type=ssh` names (mostly `default`). */
  ssh?: Record<string, string>;
  /** Use nothing that earlier builds made. */
  noCache?: boolean;
  /** The same for some stages only, by their names. */
  noCacheFilter?: string[];
  /** Ask registries for newer base images even where the store has some. */
  pull?: boolean;
  /**
   * Network of RUN where the instruction does not say: `host` is the machine's, `default` (the default) a private one
   * that leads out, where that is permitted, else the machine's.
   */
  network?: 'default' | 'host' | 'none';
  /** Names to add to /etc/hosts of RUN: `[name, address]`. */
  hosts?: [string, string][];
  /** How much of the machine one RUN may use, as far as the machine's control groups allow that. */
  limits?: Limits;
  /** Resource limits of setrlimit(2) for RUN. */
  ulimits?: Ulimit[];
  /** Bytes of /dev/shm in RUN; default: 64 MiB. */
  shmSize?: number;
  /** Milliseconds that one RUN may take; default: any number. */
  timeout?: number;
  /** Whether RUN may ask for `--security=insecure`. */
  allowInsecure?: boolean;
  /** Whether RUN may ask for `--network=host`; with the network `host` it may, too. */
  allowHostNetwork?: boolean;
  /** How RUN may run: `auto` is the best that this machine allows. With `none` it does not. */
  isolation?: RungChoice;
  /** `os/architecture[/variant]`; default: this machine's. */
  platform?: string;
  /** Several of them, for an image that is an index; takes the place of `platform`. */
  platforms?: string[];
  /** Where the result goes; default: the store. */
  outputs?: Output[];
  /** Further files that the caller writes when the build is done: like outputs, they are no part of a context. */
  written?: string[];
  /**
   * Make the same digests of the same input anywhere: all times are SOURCE_DATE_EPOCH, else that of the context's
   * last commit, and of the modes of the context's files only that counts which git keeps.
   */
  reproducible?: boolean;
  /** Accept any certificate of registries, and plain http. */
  registryInsecure?: boolean;
  /** Where steps that other machines have carried out are looked up. */
  cacheFrom?: CacheSource[];
  /** Where this build's steps are kept for other machines. */
  cacheTo?: CacheTarget[];
  /** The command line that asks for this build, kept with what a failed RUN leaves. */
  command?: FailedCommand;
  /** The arguments of the command line without secrets, for the builds on record. */
  commandLine?: string[];
  /** Folder of the store; default: see `openStore`. */
  home?: string;
  /** Environment for `$JETTISON_HOME`, `$SOURCE_DATE_EPOCH`, secrets and proxies; default: the process's. */
  env?: NodeJS.ProcessEnv;
  /** Cancels the build: commands are killed, nothing is left behind. */
  signal?: AbortSignal;
  /** Gets everything that happens, as it happens. */
  onEvent?: (event: BuildEvent) => void;
  /** Records where the time goes, for a caller that wants to know; the build record has the same times. */
  timings?: TimingsRecorder;
}

const BUILD_OPTIONS: Record<keyof BuildOptions, true> = {
  context: true,
  file: true,
  contexts: true,
  stdin: true,
  target: true,
  tags: true,
  buildArgs: true,
  labels: true,
  secrets: true,
  ssh: true,
  noCache: true,
  noCacheFilter: true,
  pull: true,
  network: true,
  hosts: true,
  limits: true,
  ulimits: true,
  shmSize: true,
  timeout: true,
  allowInsecure: true,
  allowHostNetwork: true,
  isolation: true,
  platform: true,
  platforms: true,
  outputs: true,
  written: true,
  reproducible: true,
  registryInsecure: true,
  cacheFrom: true,
  cacheTo: true,
  command: true,
  commandLine: true,
  home: true,
  env: true,
  signal: true,
  onEvent: true,
  timings: true,
};

/**
 * Refuses unknown options: a misspelt one would be ignored.
 *
 * @param more names of further options
 * @throws JettisonError `OPTION_UNKNOWN`
 */
export function checkOptions(options: object, more: readonly string[] = []): void {
  const known = [...Object.keys(BUILD_OPTIONS), ...more];
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const meant = closest(unknown, known);
  throw new JettisonError('OPTION_UNKNOWN', `unknown option "${unknown}"`, {
    hint: meant === undefined ? `The options are ${known.join(', ')}.` : `Did you mean "${meant}"?`,
    exitCode: EXIT.usage,
  });
}

/** The image that a build made. For several platforms the digest is the index's; id and config are the first one's. */
export interface ImageResult {
  /** Digest of the manifest. */
  digest: Digest;
  /** Digest of the config: what Docker calls the image id. */
  imageId: Digest;
  manifest: Descriptor;
  config: Omit<ImageConfig, 'rootfs'>;
}

/** Without the facts of an image when only its files were asked for. */
export interface BuildResult extends Partial<ImageResult> {
  /** Canonical names of the image. */
  tags: string[];
  warnings: Diagnostic[];
}

/** Members of an object that are set: for options that must be absent rather than undefined. */
export function pick<T extends object, K extends keyof T>(
  from: T,
  ...names: K[]
): { [P in K]?: Exclude<T[P], undefined> } {
  return Object.fromEntries(
    names.filter((name) => from[name] !== undefined).map((name) => [name, from[name]]),
  ) as {
    [P in K]?: Exclude<T[P], undefined>;
  };
}
