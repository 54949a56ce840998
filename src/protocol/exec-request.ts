import type { Digest } from '../image/digest.ts';
import type { CacheIdentity } from '../store/cache-mounts.ts';
import type { FailedStep } from '../store/failures.ts';
import type { LayerKind, LayerRecord } from '../store/layers.ts';
import type { RunningRuntime } from './rung.ts';

/** The id of a new layer, and its source. */
export interface LayerIdentity {
  id: string;
  key: Digest;
  kind: LayerKind;
}

export interface ExecRequest {
  /** Ids of the layers to run on, lowest first. Each must have the worker's directory form. */
  layers: string[];
  process: {
    args: string[];
    /** `K=V` strings. */
    env: string[];
    cwd: string;
    /** As in USER: `name`, `uid`, `name:group`, `uid:gid`; empty: root. Names are looked up in the root. */
    user: string;
    /** Text for standard input, or `{ typed: true }` for the data of `Worker.input`; absent: /dev/null. */
    stdin?: string | { typed: true };
  };
  mounts: ExecMount[];
  /**
   * `private`: a network of its own, connected to the machine's by pasta or slirp4netns. `default`: that, where it is
   * possible, else `host`.
   */
  network: 'default' | CommandNetwork;
  /** Ports of this machine that are forwarded to a private network. */
  ports?: PublishedPort[];
  hostname?: string;
  /** Names to add to /etc/hosts: `[name, address]`. */
  hosts?: [string, string][];
  /** The command gets its own terminal and session, and all output is standard output. */
  terminal?: TerminalSize;
  /** How much of each output stream is passed on; default: all. */
  outputLimit?: OutputLimit;
  /** Capabilities of the command, as `capabilities.ts` names them; by default Docker's. */
  capabilities?: readonly string[];
  /** no_new_privs of prctl(2): setuid programs give no rights. */
  noNewPrivileges?: boolean;
  /**
   * An init as PID 1, above the command, reaps orphans and forwards signals: the kernel ignores signals to PID 1 that
   * have no handler. The command then runs without an OCI runtime.
   */
  init?: boolean;
  /** Filter of system calls; default: Docker's, if the kernel supports filters. */
  seccomp?: SeccompProfile | 'unconfined';
  /** Makes the root read-only, but not its mounts. Cannot be combined with `commit`. */
  readonlyRoot?: boolean;
  /** Makes /etc/hosts and /etc/resolv.conf read-only; `commit` and `readonlyRoot` imply it. */
  readonlyFiles?: boolean;
  /** Limits for the command and all its children. */
  limits?: Limits;
  /** Resource limits of setrlimit(2), with lower-case names; -1 is unlimited. */
  ulimits?: readonly Ulimit[];
  /** Bytes of /dev/shm; default: 64 MiB. */
  shmSize?: number;
  /** No masked or read-only paths in /proc, /sys and /dev. */
  unmasked?: boolean;
  /** Milliseconds after which the command is killed. */
  timeMs?: number;
  /** Makes a layer of the changes; absent: they are discarded. */
  commit?: LayerIdentity;
  /** Keeps the changes for `jettison debug` when the command fails. */
  keep?: FailedStep;
  /** Id of a kept failure, whose changes are put on top of the layers. */
  kept?: string;
  /** A shell replaces the arguments. */
  shell?: ShellRequest;
}

/** A shell for `jettison debug`. */
export interface ShellRequest {
  /** Shells without their `-c`: the first one whose program exists is used, else the machine's busybox. */
  candidates: string[][];
  /** The script to run with `-c`; absent: the shell is interactive. */
  command?: string;
  /** POSIX shell commands that an interactive shell runs first. */
  startup: string;
}

/** `nofile`, `nproc` … */
export interface Ulimit {
  name: string;
  soft: number;
  hard: number;
}

export type ExecMount =
  /**
   * A file that is never written to a disk, except with `public`. A string is written as UTF-8.
   */
  | {
      type: 'secret';
      target: string;
      data: string | Uint8Array;
      mode: number;
      uid: number;
      gid: number;
      public?: true;
    }
  /** `recursive`: with all mounts below the source. */
  | { type: 'bind'; target: string; source: string; readonly: boolean; recursive?: boolean }
  /** `options`: of mount(8), appended to the safe defaults of every tmpfs. */
  | { type: 'tmpfs'; target: string; size?: number; mode?: number; options?: string[] }
  /** The image's files at the target, writable even in a read-only root. */
  | { type: 'volume'; target: string }
  /** Files of the build. Writes are discarded after the command. */
  | { type: 'tree'; target: string; from: TreeForm; kind: 'file' | 'directory'; readonly: boolean }
  | CacheExecMount
  /** A socket that forwards to an SSH agent's socket. */
  | { type: 'agent'; target: string; socket: string; mode: number; uid: number; gid: number };

/** A file or directory of a recipe or of a stack of layers, by its path without symlinks. */
export type TreeForm = { path: string } & (
  | {
      /** Absolute path of a recipe file. */
      recipe: string;
    }
  | {
      /** Ids, lowest first. Each must have the worker's directory form. */
      layers: string[];
    }
);

/** A directory of the store that is kept after the command. */
export interface CacheExecMount {
  type: 'cache';
  target: string;
  readonly: boolean;
  /** `private`: a separate one for each concurrent command; `locked`: one command at a time. */
  sharing: 'shared' | 'private' | 'locked';
  cache: CacheIdentity;
  /** Initial content of a new cache; absent: empty. */
  seed?: TreeForm & { recipe: string };
  /** Directory of the cache to mount, created if missing; empty: the whole cache. */
  path: string;
}

/** The network of a running command. */
export type CommandNetwork = 'host' | 'none' | 'private';

/** A request with a chosen network. */
export type SettledRequest = ExecRequest & { network: CommandNetwork };

export interface PublishedPort {
  /** Address of this machine; default: all. */
  address?: string;
  host: number;
  container: number;
  protocol: 'tcp' | 'udp';
}

export interface Limits {
  /** Bytes. */
  memory?: number;
  /** Number of CPUs. */
  cpus?: number;
  /** Processes and threads. */
  pids?: number;
}

/** A running command, and what is needed to join it: see `launch/enter.ts`. */
export interface StartedCommand {
  /** Process id (seen from the worker) of the sandbox's first process, which is in all its namespaces. */
  first: number;
  user: User;
  /** Absolute paths of its control groups; none without limits. */
  cgroups: string[];
  /** Why some limits are not enforced, in words. */
  problems: string[];
  network: CommandNetwork;
  /** Why `default` became the machine's network, in words. */
  sharesNetwork?: string;
  /** See `CommandRoot`. */
  programs?: string;
  /** The runtime that runs it, if any. */
  runtime?: RunningRuntime;
}

export interface ExecResult {
  /** The command's exit code; 128 + n when signal n ended it. */
  exitCode: number;
  /** The kernel killed a process of the command because it reached its memory limit. */
  outOfMemory?: boolean;
  /** It was killed at its time limit. */
  timedOut?: boolean;
  /** Id of the kept failure; absent without `keep`, and when the disk is full. */
  kept?: string;
  /** The committed layer; absent without `commit`, or when the exit code is not 0. */
  layer?: LayerRecord;
}

/** Bytes to pass on from the beginning and the end of an output stream. Those between are only counted. */
export interface OutputLimit {
  head: number;
  tail: number;
}

/** Messages from the worker that are not answers. */
export interface ExecOutput {
  stream: 'stdout' | 'stderr';
  data: Uint8Array;
  /** Number of bytes left out before these. */
  dropped?: number;
}

/** In characters. */
export interface TerminalSize {
  rows: number;
  columns: number;
}

/** The user of a command, inside the root. */
export interface User {
  uid: number;
  gid: number;
  /** Supplementary groups; the primary one is always among them. */
  groups: number[];
  home: string;
}

export interface SeccompRule {
  names: string[];
  action: string;
  errnoRet?: number;
  args?: { index: number; value: number; valueTwo?: number; op: string }[];
}

/** A filter of system calls, in the format of the OCI runtime specification (config-linux, "Seccomp"). */
export interface SeccompProfile {
  defaultAction: string;
  defaultErrnoRet?: number;
  architectures?: string[];
  syscalls: SeccompRule[];
}
