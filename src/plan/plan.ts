import type { GitSource } from '../dockerfile/git-url.ts';
import type { Location } from '../errors/error.ts';
import type { Digest } from '../image/digest.ts';
import type { Descriptor, HistoryEntry, ImageConfig, Platform, RuntimeConfig } from '../image/types.ts';

/** A base image: its name, manifest and config. */
export interface BaseImage {
  /** As resolved: `localhost/app:latest`, `docker.io/library/node:20`. */
  reference: string;
  /** Digest of the manifest: the base's definition. */
  digest: Digest;
  platform: Platform;
  config: RuntimeConfig;
  history: HistoryEntry[];
  /** Lowest first. */
  layers: { diffId: Digest; blob: Descriptor }[];
  created?: string;
  author?: string;
  /** Version and features of the operating system, from the config. */
  osFacts?: Pick<ImageConfig, 'os.version' | 'os.features'>;
}

/** The result of planning: the stages and steps that a target needs. */
export interface Plan {
  /** In the order of the file; only those that the target needs. */
  stages: PlannedStage[];
  target: PlannedStage;
}

export interface PlannedStage {
  index: number;
  /** Its name in lower case, else `stage-N`. Unique in the plan. */
  name: string;
  platform: Platform;
  base: StageBase;
  steps: Step[];
  /** The complete config of the stage's image. */
  config: RuntimeConfig;
  /** Entries to append to the base's history. */
  history: PlannedHistory[];
  /** Variables and directory of each step's instruction, by step id: to say why steps differ. Not in keys. */
  scopes: ReadonlyMap<string, StepScope>;
  /** Names of the build arguments that are declared. */
  args: readonly string[];
  author?: string;
  /** The FROM instruction. */
  location: Location;
  source: string;
}

/** The scope in which an instruction was expanded. */
export interface StepScope {
  /** Values of the variables that it uses. */
  variables: Readonly<Record<string, string>>;
  /** The working directory before it. */
  cwd: string;
}

export type StageBase =
  | { kind: 'scratch' }
  | { kind: 'image'; image: BaseImage }
  | { kind: 'stage'; stage: PlannedStage };

/** A history entry of a stage. Without `step` it has no layer. */
export interface PlannedHistory {
  createdBy: string;
  /** Id of the step whose layer it describes. */
  step?: string;
  /** The instruction in the file. */
  location: Location;
  source: string;
}

interface StepBase {
  /** Unique in the build, e.g. `build/3`: the stage's name and the step's number. */
  id: string;
  /** The instruction in one line. */
  title: string;
  location: Location;
  /** The instruction's text in the file, for error messages. */
  source: string;
}

/** An expanded COPY or ADD. */
export interface CopyStep extends StepBase {
  kind: 'copy';
  /** ADD extracts local archives. */
  add: boolean;
  from: CopyFrom;
  /** Expanded paths or patterns, relative to the source's root. */
  sources: string[];
  /** ADD: URLs and repositories. */
  remotes: RemoteSource[];
  heredocs: { name: string; data: string }[];
  /** Absolute. A trailing slash is kept, since it means a directory. */
  destination: string;
  /** Expanded `--chown`: names or numbers. Absent: 0:0 for the context; owners of images are kept. */
  chown?: string;
  /** `--chmod`: octal, or symbolic. */
  chmod?: string;
  exclude: string[];
  parents: boolean;
  /** `--link`: independent of the layers below. */
  link: boolean;
  /** ADD: whether archives are extracted. */
  unpack: boolean;
}

/** A URL or a repository that ADD downloads. */
export type RemoteSource = {
  /** Number of the step's `sources` before it. */
  position: number;
} & (
  | {
      kind: 'http';
      url: string;
      /** File name in the image. */
      name: string;
      checksum?: Digest;
      /** Whether an archive is extracted. */
      unpack: boolean;
    }
  | { kind: 'git'; source: GitSource }
);

export type CopyFrom =
  | { kind: 'context' }
  /** A named build context. */
  | { kind: 'named'; name: string }
  | { kind: 'stage'; stage: PlannedStage }
  | { kind: 'image'; image: BaseImage };

/** WORKDIR: creates the directory if it is missing. */
export interface WorkdirStep extends StepBase {
  kind: 'workdir';
  /** Absolute and clean. */
  path: string;
  /** USER at this point, the owner of a new directory: names or numbers; empty: root. */
  user: string;
}

/**
 * The network of a command: the machine's (`host`), only a loopback device (`none`), or a private network with access
 * to others if possible, else the machine's (`default`).
 */
export type RunNetwork = 'default' | 'host' | 'none';

/** An expanded RUN. */
export interface RunStep extends StepBase {
  kind: 'run';
  args: string[];
  /** `K=V`, part of the key: ENV and the build arguments in scope. */
  env: string[];
  /** `K=V` for the process only: proxy arguments, in neither key nor history. */
  hiddenEnv: string[];
  cwd: string;
  user: string;
  network: RunNetwork;
  /** `--security=insecure`: all capabilities, no masked paths. */
  insecure?: true;
  /** Host name that the command sees; absent: BuildKit's `buildkitsandbox`. */
  hostname?: string;
  mounts: RunMount[];
  /** Value of SSH_AUTH_SOCK if the agent is available. */
  agent?: string;
  /** A heredoc with a `#!` line, which is executed as a program. */
  script?: { path: string; data: string };
}

/** A mount of RUN. */
export type RunMount = SecretMount | SshMount | BindMount | CacheMount | TmpfsMount;

/** Files of the context, of a stage or of an image. Writes to them are discarded. */
export interface BindMount {
  type: 'bind';
  from: CopyFrom;
  /** Path of a file or directory, relative to the root of `from`. */
  source: string;
  /** Absolute and clean, as in all mounts. */
  target: string;
  readOnly: boolean;
}

/** A directory that is kept after the build and is not part of a layer. */
export interface CacheMount {
  type: 'cache';
  id: string;
  target: string;
  readOnly: boolean;
  sharing: 'shared' | 'private' | 'locked';
  /** Initial content of a new cache; absent: empty. */
  from?: CopyFrom;
  /** Path in the cache to mount, relative to its root; empty: all of it. */
  source: string;
  /** Mode and owner of the root of a new cache. They are part of the cache's identity. */
  mode: number;
  uid: number;
  gid: number;
}

export interface TmpfsMount {
  type: 'tmpfs';
  target: string;
  /** Bytes. */
  size?: number;
}

/** The socket of an SSH agent. */
export interface SshMount {
  type: 'ssh';
  id: string;
  target: string;
  required: boolean;
  mode: number;
  uid: number;
  gid: number;
}

export interface SecretMount {
  type: 'secret';
  id: string;
  /** Absolute path of a file with the secret; absent for a secret that is only an environment variable. */
  target?: string;
  env?: string;
  required: boolean;
  mode: number;
  uid: number;
  gid: number;
}

export type Step = CopyStep | WorkdirStep | RunStep;
