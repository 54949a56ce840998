import type { AttestationRequest } from '../attest/request.ts';
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
   * The files for COPY: a directory, a tar, a git or http URL, or `-` for a tar or a Dockerfile from `stdin`.
   */
  context: string;
  /**
   * The Dockerfile: relative to the working directory, or to the root of a context that is not a directory; `-` reads
   * `stdin`. Default: `Dockerfile` in the context.
   */
  file?: string;
  /**
   * Contexts by name, which replace stages, images and contexts: a directory, a tar, a URL, `docker-image://NAME` or
   * `oci-layout://FOLDER[:TAG|@DIGEST]`.
   */
  contexts?: Record<string, string>;
  /** The content of a context or Dockerfile `-`. */
  stdin?: AsyncIterable<Uint8Array | string>;
  /** Name of the stage to build; default: the last one. */
  target?: string;
  /** Names for the image; without any it is stored without a name. */
  tags?: string[];
  buildArgs?: Record<string, string>;
  /** Added to the image's labels. */
  labels?: Record<string, string>;
  /** By the id in `RUN --mount=type=secret,id=`. */
  secrets?: Record<string, SecretSource>;
  /** Sockets of SSH agents, by the id in `RUN --mount=type=ssh` (default: `default`). */
  ssh?: Record<string, string>;
  /** Executes every step, without using results of earlier builds. */
  noCache?: boolean;
  /** The same for the stages with these names only. */
  noCacheFilter?: string[];
  /** Asks registries for newer base images even if the store has them. */
  pull?: boolean;
  /**
   * Network of RUN without `--network`: `host` is the machine's; `default` (the default) is a private one with access to
   * others if possible, else the machine's.
   */
  network?: 'default' | 'host' | 'none';
  /** Names to add to /etc/hosts of RUN: `[name, address]`. */
  hosts?: [string, string][];
  /** Limits of one RUN, as far as the machine's control groups can enforce them. */
  limits?: Limits;
  /** Resource limits of setrlimit(2) for RUN. */
  ulimits?: Ulimit[];
  /** Bytes of /dev/shm in RUN; default: 64 MiB. */
  shmSize?: number;
  /** Time limit of one RUN in milliseconds; default: none. */
  timeout?: number;
  /** Allows `RUN --security=insecure`. */
  allowInsecure?: boolean;
  /** Allows `RUN --network=host`, as does the network `host`. */
  allowHostNetwork?: boolean;
  /** Builders that run the commands of RUN instead of this machine: addresses, as in docs/fleet.md. */
  builders?: string[];
  /** What happens to a command that no builder could run: `local` (the default) runs it here, `none` fails. */
  fallback?: 'local' | 'none';
  /** The rung for RUN: `auto` is the best that works on this machine; with `none`, RUN fails. */
  isolation?: RungChoice;
  /** `os/architecture[/variant]`; default: this machine's. */
  platform?: string;
  /** Several platforms, for an image that is an index; replaces `platform`. */
  platforms?: string[];
  /** Destinations of the result; default: the store. */
  outputs?: Output[];
  /** Statements about the image that are stored beside it, which makes it an index; default: none. */
  attest?: AttestationRequest;
  /** Further files that the caller writes after the build. Like outputs, they are not part of a context. */
  written?: string[];
  /**
   * The same input gives the same digests on every machine: all times are SOURCE_DATE_EPOCH, else the time of the
   * context's last commit, and modes of the context's files are those that git keeps.
   */
  reproducible?: boolean;
  /** Accepts any certificate of registries, and plain http. */
  registryInsecure?: boolean;
  /** Caches of other machines, in which steps are looked up. */
  cacheFrom?: CacheSource[];
  /** Caches for other machines, to which this build's steps are written. */
  cacheTo?: CacheTarget[];
  /** The command line of this build, recorded with a failed RUN. */
  command?: FailedCommand;
  /** The arguments of the command line without secrets, for the record of the build. */
  commandLine?: string[];
  /** Folder of the store; default: see `openStore`. */
  home?: string;
  /** Environment for `$JETTISON_HOME`, `$SOURCE_DATE_EPOCH`, secrets and proxies; default: the process's. */
  env?: NodeJS.ProcessEnv;
  /** Cancels the build: commands are killed, temporary files are deleted. */
  signal?: AbortSignal;
  /** Called for every event of the build. */
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
  builders: true,
  fallback: true,
  isolation: true,
  platform: true,
  platforms: true,
  outputs: true,
  attest: true,
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
 * Rejects unknown options, so that a misspelt one is not ignored.
 *
 * @param more names of further options
 * @throws JettisonError `OPTION_UNKNOWN`
 */
export function checkOptions(options: object, more: readonly string[] = []): void {
  const known = [...Object.keys(BUILD_OPTIONS), ...more];
  checkNames(Object.keys(options), known, { code: 'OPTION_UNKNOWN', kind: 'option' });
}

/**
 * Rejects names that are not among those known.
 *
 * @param kind of the names, in the singular
 * @throws JettisonError with the code
 */
export function checkNames(
  names: readonly string[],
  known: readonly string[],
  { code, kind }: { code: string; kind: string },
): void {
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const meant = closest(unknown, known);
  throw new JettisonError(code, `unknown ${kind} "${unknown}"`, {
    hint: meant === undefined ? `The ${kind}s are ${known.join(', ')}.` : `Did you mean "${meant}"?`,
    exitCode: EXIT.usage,
  });
}

/** The image that a build made. For several platforms the digest is the index's; id and config are the first one's. */
export interface ImageResult {
  /** Digest of the manifest. */
  digest: Digest;
  /** Digest of the config: Docker's image id. */
  imageId: Digest;
  manifest: Descriptor;
  config: Omit<ImageConfig, 'rootfs'>;
}

/** The result of a build; without the facts of an image if all outputs are files. */
export interface BuildResult extends Partial<ImageResult> {
  /** Canonical names of the image. */
  tags: string[];
  warnings: Diagnostic[];
  /** SLSA provenance by platform, where it was asked for: with `mode=min`, and as it was attached. */
  provenance?: BuildProvenance[];
}

export interface BuildProvenance {
  /** `linux/amd64` */
  platform: string;
  min: object;
  attached: object;
}

/** The named members of an object that are not undefined. */
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
