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
    /** As USER writes it: `name`, `uid`, `name:group`, `uid:gid`; empty is root. Looked up in the root. */
    user: string;
    /** Text for standard input, or `{ typed: true }` for what `Worker.input` brings; without it /dev/null. */
    stdin?: string | { typed: true };
  };
  mounts: ExecMount[];
  /**
   * `private`: a network of its own, connected to the machine's by pasta or slirp4netns. `default`: that, where it is
   * possible, else `host`.
   */
  network: 'default' | CommandNetwork;
  /** Ports of this machine that lead into a private network. */
  ports?: PublishedPort[];
  hostname?: string;
  /** Names to add to /etc/hosts: `[name, address]`. */
  hosts?: [string, string][];
  /** The command gets a terminal, and a session, of its own: all output is standard output then. */
  terminal?: TerminalSize;
  /** How much of a stream of output is passed on; by default all. */
  outputLimit?: OutputLimit;
  /** Capabilities of the command, as `capabilities.ts` names them; by default Docker's. */
  capabilities?: readonly string[];
  /** No program can give the command more rights, setuid bit or not. */
  noNewPrivileges?: boolean;
  /**
   * A process above the command reaps orphans, and signals do to it what they do anywhere: to the first process of
   * a container they do nothing by themselves. It is run without an OCI runtime then.
   */
  init?: boolean;
  /** The system calls that it may make; default: Docker's, where the kernel has filters. */
  seccomp?: SeccompProfile | 'unconfined';
  /** Nothing of the root can be changed but what is mounted on it. Not together with `commit`. */
  readonlyRoot?: boolean;
  /** /etc/hosts and /etc/resolv.conf cannot be written, as is so with `commit` and `readonlyRoot`. */
  readonlyFiles?: boolean;
  /** How much of the machine the command and all that it starts may use. */
  limits?: Limits;
  /** Resource limits of setrlimit(2), by their names in small letters; -1 is unlimited. */
  ulimits?: readonly Ulimit[];
  /** Bytes of /dev/shm; default: 64 MiB. */
  shmSize?: number;
  /** Nothing of /proc, /sys and the devices is hidden or read-only. */
  unmasked?: boolean;
  /** Milliseconds after which the command is killed. */
  timeMs?: number;
  /** Keep what changed as this layer; without it the changes are thrown away. */
  commit?: LayerIdentity;
  /** Keep what changed for `jettison debug`, too, when the command fails. */
  keep?: FailedStep;
  /** What lies on top of the layers: what a failed command left, by the name that `keep` has given it. */
  kept?: string;
  /** A shell takes the place of the arguments. */
  shell?: ShellRequest;
}

/** A shell to look around with. */
export interface ShellRequest {
  /** Command lines that end before a shell's `-c`: the first one whose program is there; else busybox of the machine. */
  candidates: string[][];
  /** The script to run, as after `-c`; without it the shell is interactive. */
  command?: string;
  /** POSIX shell commands that an interactive shell begins with. */
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
   * A file that is never written to a disk, unless there is nothing secret in it after all (`public`); a string stands
   * for its UTF-8 bytes.
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
  /** `recursive`: with everything that is mounted below the source. */
  | { type: 'bind'; target: string; source: string; readonly: boolean; recursive?: boolean }
  /** `options`: of mount(8), after the safe ones that every tmpfs gets. */
  | { type: 'tmpfs'; target: string; size?: number; mode?: number; options?: string[] }
  /** What the image has there, writable even when the root is not. */
  | { type: 'volume'; target: string }
  /** Files of the build: what is written to them is gone after the command. */
  | { type: 'tree'; target: string; from: TreeForm; kind: 'file' | 'directory'; readonly: boolean }
  | CacheExecMount
  /** A socket that leads to the one of an SSH agent. */
  | { type: 'agent'; target: string; socket: string; mode: number; uid: number; gid: number };

/** A file or directory, by its path without symlinks, of what a recipe describes or layers show. */
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

/** A directory of the store that outlives the command. */
export interface CacheExecMount {
  type: 'cache';
  target: string;
  readonly: boolean;
  /** `private`: another one for each command that runs at the same time; `locked`: one command after the other. */
  sharing: 'shared' | 'private' | 'locked';
  cache: CacheIdentity;
  /** What a new cache holds; absent: nothing. */
  seed?: TreeForm & { recipe: string };
  /** The directory in the cache that is mounted, made when missing; empty: all of it. */
  path: string;
}

/** The network that a command has in the end. */
export type CommandNetwork = 'host' | 'none' | 'private';

/** A request of which nothing is left to choose. */
export type SettledRequest = ExecRequest & { network: CommandNetwork };

export interface PublishedPort {
  /** Of this machine; by default all of its addresses. */
  address?: string;
  host: number;
  container: number;
  protocol: 'tcp' | 'udp';
}

export interface Limits {
  /** Bytes. */
  memory?: number;
  /** Processors' time, in processors. */
  cpus?: number;
  /** Processes and threads. */
  pids?: number;
}

/** A command that runs, and how to join it: see `enter.ts`. */
export interface StartedCommand {
  /** Process id of the sandbox's first process, seen from the worker; it holds all namespaces. */
  first: number;
  user: User;
  /** Absolute paths of its control groups; none without limits. */
  cgroups: string[];
  /** Why some limits do not hold, for people. */
  problems: string[];
  network: CommandNetwork;
  /** Why it has the machine's network, although a private one would have done: for people. */
  sharesNetwork?: string;
  /** See `CommandRoot`. */
  programs?: string;
  /** The runtime that runs it, if any. */
  runtime?: RunningRuntime;
}

export interface ExecResult {
  /** The command's exit code; 128 + n when signal n ended it. */
  exitCode: number;
  /** The kernel killed something of the command for want of memory, below the limit that was set. */
  outOfMemory?: boolean;
  /** It was killed since it took longer than it may. */
  timedOut?: boolean;
  /** Under which name the store has kept what it left; absent without `keep`, and when the disk is full. */
  kept?: string;
  /** The committed layer; absent without `commit`, or when the exit code is not 0. */
  layer?: LayerRecord;
}

/** Bytes of the beginning and of the end of what a command prints: what is between them is counted, not passed on. */
export interface OutputLimit {
  head: number;
  tail: number;
}

/** Messages from the worker that are not answers. */
export interface ExecOutput {
  stream: 'stdout' | 'stderr';
  data: Uint8Array;
  /** So many bytes of either stream, which came before these, are left out. */
  dropped?: number;
}

/** In characters. */
export interface TerminalSize {
  rows: number;
  columns: number;
}

/** Who a command runs as, inside the root. */
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

/** A filter of system calls, as the OCI runtime specification has it (config-linux, "Seccomp"). */
export interface SeccompProfile {
  defaultAction: string;
  defaultErrnoRet?: number;
  architectures?: string[];
  syscalls: SeccompRule[];
}
