import type { JettisonError } from '../errors/error.ts';
import type { Digest } from '../image/digest.ts';
import type { Descriptor } from '../image/types.ts';
import type { Source } from '../layer/entry.ts';
import type { DirectoryForm, ReadableForms } from '../store/forms.ts';
import type { LayerRecord } from '../store/layers.ts';
import type {
  ExecOutput,
  ExecRequest,
  ExecResult,
  LayerIdentity,
  StartedCommand,
  TerminalSize,
} from './exec-request.ts';

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

/** The result of checking a directory of a layer. */
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

/** The worker as control calls it: every operation can be cancelled, and `exec` can report output. */
export interface Worker extends Omit<WorkerOperations, 'exec'> {
  /** Which directory forms of layers it makes (the first) and reads. */
  readonly forms: ReadableForms;
  /** Why this worker cannot run commands, if so: what `exec` throws. */
  readonly unable?: JettisonError;
  /** A note for the user about how commands run here. */
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
      /** Called once, when the command has ended well and what it changed becomes a layer. */
      onEnded?: () => void;
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
