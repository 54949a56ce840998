import type { JettisonError } from '../errors/error.ts';
import type { Digest } from '../image/digest.ts';
import type { Descriptor } from '../image/types.ts';
import type { Source } from '../layer/entry.ts';
import type { CacheIdentity } from '../store/cache-mounts.ts';
import type { FailedStep } from '../store/failures.ts';
import type { DirectoryForm, ReadableForms } from '../store/forms.ts';
import type { LayerKind, LayerRecord } from '../store/layers.ts';
import type { RunningRuntime } from './rung.ts';

/** An operation's types; nothing of it is there at run time. */
interface Operation<Request, Answer> {
  request?: Request;
  answer?: Answer;
}

function operation<Request, Answer>(): Operation<Request, Answer> {
  return {};
}

/**
 * What control can ask of the worker, one line an operation: request → answer. Control's client has a method for each,
 * and `worker/main.ts` a function. All paths inside layers are resolved inside them; all results are in the store
 * (written to `tmp/`, then renamed) before an operation answers.
 */
export const OPERATIONS = {
  /**
   * Reads a tar (plain, gzip, zstd, bzip2 or xz: by content) into a layer: always its index, and its
   * directory when asked. Does only what is missing when the layer exists.
   */
  unpack: operation<UnpackRequest, LayerRecord>(),
  /** Makes the worker's directory form of a layer from its recipe. Does nothing when it exists. */
  materialise: operation<MaterialiseRequest, void>(),
  /**
   * Compares a sample of a layer's directory with its index before it is used, and deletes a damaged directory. Does
   * nothing when there is none. Answers with what is wrong, for people.
   */
  sampleDirectory: operation<{ layer: string }, string | undefined>(),
  /** Compares everything in the directories of a layer that the worker can read with the layer's index. */
  checkDirectories: operation<{ layer: string }, DirectoryReport[]>(),
  /** Makes the tar and blob forms of a layer in one streaming pass. */
  pack: operation<PackRequest, PackedLayer>(),
  /** Writes the tar of a recipe, which need not be a layer's, to a new file. Absolute paths. */
  tar: operation<{ recipe: string; path: string }, void>(),
  /** The bytes of one small file of a layer, a host file or an inline source. */
  read: operation<{ source: Source; limit: number }, Uint8Array>(),
  /** Copies the content of one file of a layer to a new file that control can read. Absolute path. */
  copyOut: operation<{ source: Source & { kind: 'layer' }; path: string }, void>(),
  /** Runs a command on a stack of layers, and keeps what it changed as a layer when asked. */
  exec: operation<ExecRequest, ExecResult>(),
  /** Deletes files and trees of the store that only the worker's ids may delete. Absolute paths inside it. */
  remove: operation<{ paths: string[] }, void>(),
  /** Waits for a lock that every build of this store shares, and takes it; freed when the worker ends. */
  lock: operation<{ name: string }, void>(),
  unlock: operation<{ name: string }, void>(),
  /** Bytes of the files in each folder of the store: only the worker may read all of them. Absolute paths. */
  measure: operation<{ folders: string[] }, number[]>(),
  /** Writes cache mounts to a tar, compressed by gzip when asked. Absolute path, which must not exist. */
  exportCaches: operation<{ names: string[]; path: string; compress: boolean }, void>(),
  /** Reads cache mounts from such a tar; they replace those of the same name. Answers with their names. */
  importCaches: operation<{ path: string }, string[]>(),
  /** The names of the cache mounts that do not exist, or are empty. */
  emptyCaches: operation<{ names: string[] }, string[]>(),
  /**
   * Makes a compressed tar of one cache mount in the store's blobs, when no command uses it. The same content gives
   * the same bytes. None of the secrets (by id) may be in it. Answers undefined when the mount is empty.
   */
  packCache: operation<{ name: string; secrets: [string, Uint8Array][] }, Descriptor | undefined>(),
  /** The archive that was made of a cache mount before, or filled it, if the mount's content is still the same. */
  knownArchive: operation<{ name: string }, Descriptor | undefined>(),
  /**
   * Gives an empty or missing cache mount the content of such an archive, which the store holds. One that a command
   * uses, or has changed, stays as it is. Answers whether it has the content now.
   */
  fillCache: operation<{ name: string; archive: Descriptor }, boolean>(),
};

type Operations = typeof OPERATIONS;

export type OperationName = keyof Operations;

export type RequestOf<K extends OperationName> = NonNullable<Operations[K]['request']>;

type AnswerOf<K extends OperationName> =
  Operations[K] extends Operation<infer _, infer Answer> ? Answer : never;

/** The operations as functions. An interface of types only, so that a test can run them in its own process. */
export type WorkerOperations = {
  [K in OperationName]: (request: RequestOf<K>) => Promise<AnswerOf<K>>;
};

/** What a new layer is called and where it came from. */
export interface LayerIdentity {
  id: string;
  key: Digest;
  kind: LayerKind;
}

/** What a directory of a layer is like. */
export interface DirectoryReport {
  form: DirectoryForm;
  /** What is wrong, for people; absent when it is what the index says. */
  problem?: string;
  /** Entries that the worker may not read. */
  unreadable: number;
}

export interface UnpackRequest {
  layer: LayerIdentity;
  /** Absolute path of the tar or blob. */
  path: string;
  /** Digests to verify while reading: of the file as it is, and of the uncompressed tar. */
  expect?: { digest?: Digest; diffId?: Digest };
  /** Whether `.wh.` names are whiteouts (image layers) or plain files (tars that ADD extracts). */
  whiteouts: boolean;
  directory: boolean;
}

export interface MaterialiseRequest {
  layer: string;
  /** Absolute path of a recipe file: see `layer/recipe.ts`. */
  recipe: string;
}

export interface PackRequest {
  layer: string;
  /** Absolute path of a recipe file; without it the layer's directory and index are packed. */
  recipe?: string;
  /** Times later than this many seconds since 1970 are written as this. */
  clampTime?: number;
  /** All times are written as this many seconds since 1970. */
  setTime?: number;
}

export interface PackedLayer {
  /** Digest of the uncompressed tar. */
  diffId: Digest;
  /** The compressed blob, already in the store. */
  blob: Descriptor;
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
  /** Resource limits of setrlimit(2), by their names in small letters; -1 is no limit. */
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
  /** What it runs, as after `-c`; without it the shell is interactive. */
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

/** Messages from the worker that are no answers. */
export interface ExecOutput {
  stream: 'stdout' | 'stderr';
  data: Uint8Array;
  /** So many bytes of either stream, which came before these, are left out. */
  dropped?: number;
}

/** What control calls: every operation can be cancelled, and `exec` can report output. */
export interface Worker extends Omit<WorkerOperations, 'exec'> {
  /** Which directory forms of layers it makes (the first) and reads. */
  readonly forms: ReadableForms;
  /** Why this worker cannot run commands, if so: what `exec` throws. */
  readonly unable?: JettisonError;
  /** What people should know of how commands are run here. */
  readonly notes: readonly string[];
  exec(
    request: ExecRequest,
    options?: {
      /** Kills the command and every process that it left; `exec` then throws the signal's reason. */
      signal?: AbortSignal;
      /** More of the command's output is read only when what this returns has settled. */
      onOutput?: (output: ExecOutput) => void | Promise<void>;
      /** Called once, when the command runs. Not for one that the image lacks. */
      onStarted?: (started: StartedCommand) => void;
    },
  ): Promise<ExecResult>;
  /** Sends a signal to every running command (`jettison run` forwards what it gets). */
  kill(signal: NodeJS.Signals): void;
  /** Brings standard input to every running command that takes it; without data that was all. Settles when it may have more. */
  input(data?: Uint8Array): Promise<void>;
  /** Tells every running command of the size of its terminal. */
  resize(size: TerminalSize): void;
  /** Nobody looks at the terminals of running commands any more. Those that go on regardless are killed soon. */
  hangUp(): void;
  /** Ends the worker; whatever still runs in it is killed. */
  close(): Promise<void>;
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
