import type { Location } from '../errors/error.ts';
import type { Digest } from '../image/digest.ts';
import type { HistoryEntry, Platform, RuntimeConfig } from '../image/types.ts';

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
  layers: { diffId: Digest }[];
  created?: string;
  author?: string;
}

/** Stages and steps that a target needs: the outcome of planning, without any I/O. */
export interface Plan {
  /** In the order of the file; only what the target reaches. */
  stages: PlannedStage[];
  target: PlannedStage;
  /** Build arguments that no instruction took. */
  unusedArgs: string[];
}

export interface PlannedStage {
  index: number;
  /** Name in lower case, else `stage-N`. */
  name: string;
  platform: Platform;
  base: StageBase;
  steps: Step[];
  /** The complete config of the stage's image. */
  config: RuntimeConfig;
  /** History of the base and of this stage; `empty_layer` of layer-making steps is set after solving. */
  history: PlannedHistory[];
  author?: string;
  location: Location;
}

export type StageBase =
  | { kind: 'scratch' }
  | { kind: 'image'; image: BaseImage }
  | { kind: 'stage'; stage: PlannedStage };

/** A history entry of this stage; `step` names the step whose layer it describes. */
export interface PlannedHistory extends HistoryEntry {
  step?: string;
}

interface StepBase {
  /** Unique in the build, e.g. `build/3`. */
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
  /** Paths or patterns relative to the source's root; cleaned, never escaping it. */
  sources: string[];
  heredocs: { name: string; data: string }[];
  /** Absolute; a trailing slash is kept, since it says that the destination is a directory. */
  destination: string;
  /** `--chown` as written after expansion: names or numbers; absent: 0:0 from the context, kept from images. */
  chown?: string;
  /** `--chmod`: octal, or symbolic. */
  chmod?: string;
  exclude: string[];
  parents: boolean;
}

export type CopyFrom =
  | { kind: 'context' }
  | { kind: 'stage'; stage: PlannedStage }
  | { kind: 'image'; image: BaseImage };

/** WORKDIR: makes the directory where it is missing. */
export interface WorkdirStep extends StepBase {
  kind: 'workdir';
  /** Absolute and clean. */
  path: string;
}

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
  network: 'host' | 'none';
  mounts: RunMount[];
  /** A heredoc that is run as a file: its text is given to the process. */
  stdin?: string;
}

export type RunMount = { type: 'secret'; id: string; target?: string; env?: string; required: boolean; mode: number; uid: number; gid: number };

export type Step = CopyStep | WorkdirStep | RunStep;
