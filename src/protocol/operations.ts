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

/** The types of an operation. The value is empty. */
interface Operation<Request, Answer> {
  request?: Request;
  answer?: Answer;
}

function operation<Request, Answer>(): Operation<Request, Answer> {
  return {};
}

/**
 * The operations of the worker, each with its request and answer. Control's client has a method for each, and
 * `worker/main.ts` a function. Paths in layers are resolved inside them. All results are in the store (written to `tmp/`,
 * then renamed) before an operation answers.
 */
export const OPERATIONS = {
  /**
   * Reads a tar (plain, gzip, zstd, bzip2 or xz, detected by content) into a layer: its index, and its directory if
   * requested. Adds only the missing forms to an existing layer.
   */
  unpack: operation<UnpackRequest, LayerRecord>(),
  /** Makes the worker's directory form of a layer from its recipe. Does nothing when it exists. */
  materialise: operation<MaterialiseRequest, void>(),
  /**
   * Compares a sample of a layer's directory with its index, and deletes a damaged directory. Answers with the fault in
   * words; undefined for an intact or missing directory.
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
  /** Runs a command on a stack of layers, and makes a layer of its changes if requested. */
  exec: operation<ExecRequest, ExecResult>(),
  /** Deletes files and trees of the store that only the worker's ids may delete. Absolute paths inside it. */
  remove: operation<{ paths: string[] }, void>(),
  /** Waits for a lock that all builds of this store share, and takes it. Released when the worker ends. */
  lock: operation<{ name: string }, void>(),
  unlock: operation<{ name: string }, void>(),
  /** Bytes of the files in each folder of the store: only the worker may read all of them. Absolute paths. */
  measure: operation<{ folders: string[] }, number[]>(),
  /** Writes cache mounts to a new tar, with or without gzip. Absolute path. */
  exportCaches: operation<{ names: string[]; path: string; compress: boolean }, void>(),
  /** Reads cache mounts from such a tar, which replace those of the same name. Answers with their names. */
  importCaches: operation<{ path: string }, string[]>(),
  /** Those of the named cache mounts that do not exist or are empty. */
  emptyCaches: operation<{ names: string[] }, string[]>(),
  /**
   * Waits until no command uses a cache mount, then makes a compressed tar of it in the store's blobs. The same content
   * gives the same bytes. Fails if it contains one of the secrets (id, value). Answers undefined for an empty mount.
   */
  packCache: operation<{ name: string; secrets: [string, Uint8Array][] }, Descriptor | undefined>(),
  /** The last archive of a cache mount, if the mount's content is still the same. */
  knownArchive: operation<{ name: string }, Descriptor | undefined>(),
  /**
   * Fills an empty or missing cache mount from such an archive, a blob of the store. A mount that a command uses or has
   * changed stays as it is. Answers whether the mount has the archive's content.
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
  /** The fault in words; absent when the directory matches the index. */
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
  /** Absolute path of a recipe file; absent: the layer's directory and index are packed. */
  recipe?: string;
  /** Latest time in the tar: later ones become this, in seconds since 1970. */
  clampTime?: number;
  /** Time of all entries, in seconds since 1970. */
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
  /** The directory forms that it reads; it makes the first one. */
  readonly forms: ReadableForms;
  /** The error of `exec` if this worker cannot run commands. */
  readonly unable?: JettisonError;
  /** A note for the user about how commands run here. */
  readonly notes: readonly string[];
  exec(
    request: ExecRequest,
    options?: {
      /** Kills the command and all its processes; `exec` then throws the signal's reason. */
      signal?: AbortSignal;
      /** More output is read only after the returned promise has settled. */
      onOutput?: (output: ExecOutput) => void | Promise<void>;
      /** Called once, when the command runs; never for a program that the image lacks. */
      onStarted?: (started: StartedCommand) => void;
      /** Called once, when the command has succeeded and its changes become a layer. */
      onEnded?: () => void;
    },
  ): Promise<ExecResult>;
  /** Sends a signal to every running command (`jettison run` forwards its own signals). */
  kill(signal: NodeJS.Signals): void;
  /** Sends standard input to every running command that takes it; without data: end of input. Settles when it accepts more. */
  input(data?: Uint8Array): Promise<void>;
  /** Sets the terminal size of every running command. */
  resize(size: TerminalSize): void;
  /** Hangs up the terminals of running commands. Commands that ignore it are killed soon after. */
  hangUp(): void;
  /** Ends the worker, and kills its running commands. */
  close(): Promise<void>;
}
