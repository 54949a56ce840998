import type { GitSource } from '../dockerfile/git-url.ts';
import type { Location } from '../errors/error.ts';
import type { Digest } from '../image/digest.ts';
import type { Descriptor, HistoryEntry, ImageConfig, Platform, RuntimeConfig } from '../image/types.ts';

/** A base image as the planner needs it: what it is called and what its config says. */
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
  /** What the config says of the operating system besides its name. */
  osFacts?: Pick<ImageConfig, 'os.version' | 'os.features'>;
}

/** Stages and steps that a target needs: the outcome of planning, without any I/O. */
export interface Plan {
  /** In the order of the file; only what the target reaches. */
  stages: PlannedStage[];
  target: PlannedStage;
}

export interface PlannedStage {
  index: number;
  /** What people call it: its name in lower case, else `stage-N`. Unique in the plan. */
  name: string;
  platform: Platform;
  base: StageBase;
  steps: Step[];
  /** The complete config of the stage's image. */
  config: RuntimeConfig;
  /** What the base's history gets on top. */
  history: PlannedHistory[];
  /** What the instructions of its steps saw of the stage, by step id: to tell why steps differ. In no key. */
  scopes: ReadonlyMap<string, StepScope>;
  /** Names of the build arguments that are declared. */
  args: readonly string[];
  author?: string;
  /** The FROM instruction. */
  location: Location;
  source: string;
}

/** What an instruction saw when it was expanded. */
export interface StepScope {
  /** The values of the variables that it names. */
  variables: Readonly<Record<string, string>>;
  /** The working directory before it. */
  cwd: string;
}

export type StageBase =
  | { kind: 'scratch' }
  | { kind: 'image'; image: BaseImage }
  | { kind: 'stage'; stage: PlannedStage };

/** A history entry of a stage; one without a step adds no layer. */
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
  /** One line for people. */
  title: string;
  location: Location;
  /** The instruction's text in the file, for error messages. */
  source: string;
}

/** COPY and ADD with everything expanded. */
export interface CopyStep extends StepBase {
  kind: 'copy';
  /** ADD extracts local archives. */
  add: boolean;
  from: CopyFrom;
  /** Paths or patterns relative to the source's root, as written after expansion. */
  sources: string[];
  /** ADD: what is fetched. */
  remotes: RemoteSource[];
  heredocs: { name: string; data: string }[];
  /** Absolute; a trailing slash is kept, since it says that the destination is a directory. */
  destination: string;
  /** `--chown` as written after expansion: names or numbers; absent: 0:0 from the context, kept from images. */
  chown?: string;
  /** `--chmod`: octal, or symbolic. */
  chmod?: string;
  exclude: string[];
  parents: boolean;
  /** `--link`: nothing of the layers below is looked at. */
  link: boolean;
  /** ADD: whether archives are extracted. */
  unpack: boolean;
}

/** A URL or a repository that ADD fetches. */
export type RemoteSource = {
  /** How many of the step's `sources` stand before it. */
  position: number;
} & (
  | {
      kind: 'http';
      url: string;
      /** What the file is called. */
      name: string;
      checksum?: Digest;
      /** Whether it is extracted when it is an archive. */
      unpack: boolean;
    }
  | { kind: 'git'; source: GitSource }
);

export type CopyFrom =
  | { kind: 'context' }
  /** A build context that was given a name. */
  | { kind: 'named'; name: string }
  | { kind: 'stage'; stage: PlannedStage }
  | { kind: 'image'; image: BaseImage };

/** WORKDIR: makes the directory where it is missing. */
export interface WorkdirStep extends StepBase {
  kind: 'workdir';
  /** Absolute and clean. */
  path: string;
  /** USER at this point, whose the directory becomes: names or numbers; empty: root. */
  user: string;
}

/**
 * The network of a command: the machine's (`host`), nothing but a loopback of its own (`none`), or what is safest where
 * it runs (`default`): a private one that leads out, or else the machine's.
 */
export type RunNetwork = 'default' | 'host' | 'none';

/** RUN with everything that its process gets. */
export interface RunStep extends StepBase {
  kind: 'run';
  args: string[];
  /** `K=V`, part of the key: ENV and the build arguments in scope. */
  env: string[];
  /** `K=V` given to the process only: proxy arguments, in neither key nor history. */
  hiddenEnv: string[];
  cwd: string;
  user: string;
  network: RunNetwork;
  /** `--security=insecure`: all capabilities, and nothing is hidden. */
  insecure?: true;
  /** Host name that the command sees; absent: BuildKit's `buildkitsandbox`. */
  hostname?: string;
  mounts: RunMount[];
  /** What SSH_AUTH_SOCK is set to when that agent is there. */
  agent?: string;
  /** A heredoc with a `#!` line, which is run as a program. */
  script?: { path: string; data: string };
}

/** A mount that exists while a RUN runs. */
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

/** A directory that outlives the build and belongs to no layer. */
export interface CacheMount {
  type: 'cache';
  id: string;
  target: string;
  readOnly: boolean;
  sharing: 'shared' | 'private' | 'locked';
  /** What a new cache holds at first; absent: nothing. */
  from?: CopyFrom;
  /** Which part of the cache is mounted, as a path relative to its root: empty for all of it. */
  source: string;
  /** Of the root of a new cache. A cache that asks for others is another one. */
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
  /** Absolute path of a file with the secret; absent when it only comes as an environment variable. */
  target?: string;
  env?: string;
  required: boolean;
  mode: number;
  uid: number;
  gid: number;
}

export type Step = CopyStep | WorkdirStep | RunStep;
