import type { Platform } from '../image/types.ts';
import type { Tree, TreeEntry } from '../layer/tree.ts';
import type { LayerBlob } from '../store/layers.ts';
import type { ExecOutput, Ulimit } from './exec-request.ts';

/** A mount of a command that a builder runs. */
export type RemoteMount =
  | {
      type: 'files';
      target: string;
      readOnly: boolean;
      /** Has the file or directory as `source`. */
      tree: Tree;
      source: string;
    }
  | {
      type: 'cache';
      target: string;
      id: string;
      readOnly: boolean;
      sharing: string;
      mode: number;
      uid: number;
      gid: number;
    }
  | { type: 'tmpfs'; target: string; size?: number }
  | {
      type: 'secret';
      id: string;
      target?: string;
      env?: string;
      required: boolean;
      mode: number;
      uid: number;
      gid: number;
    }
  | { type: 'ssh'; id: string; target: string; required: boolean; mode: number; uid: number; gid: number };

/** A command for a builder: everything that a worker of this machine would get. */
export interface RemoteRun {
  /** Chooses the builder: equal names go to the same one, whose caches are warm. */
  stage: string;
  title: string;
  platform: Platform;
  /** Lowest first. */
  below: readonly LayerBlob[];
  args: readonly string[];
  /** `K=V` */
  env: readonly string[];
  /** `K=V` for the process only. */
  hiddenEnv: readonly string[];
  cwd: string;
  user: string;
  network: 'default' | 'host' | 'none';
  insecure: boolean;
  hostname: string | undefined;
  script: { path: string; data: string } | undefined;
  mounts: readonly RemoteMount[];
  hosts: readonly [string, string][];
  ulimits: readonly Ulimit[];
  shmSize: number | undefined;
  timeoutMs: number | undefined;
  noCache: boolean;
}

/** Services of the build for a command elsewhere. */
export interface RemoteRunServices {
  signal: AbortSignal;
  /** Has the blob of a layer below in the store. */
  fetch(layer: LayerBlob): Promise<void>;
  /** Bytes of a file in a layer. */
  read(entry: TreeEntry): Promise<Uint8Array>;
  onOutput(output: ExecOutput): void;
  /** What is being done, in a few words. */
  onState(text: string): void;
  /** A builder could not run it, and another one will. */
  onRetry(reason: Error): void;
}

/** How a command ended at a builder. */
export type RemoteResult =
  /** The layer of its changes, whose blob is in the store; undefined if it changed nothing. */
  { kind: 'done'; layer: LayerBlob | undefined } | { kind: 'failed'; exitCode: number; timedOut: boolean };

/** Runs commands on builders. */
export interface RemoteRunner {
  /** Undefined when no builder could run it, and this machine is to. @throws JettisonError `BUILDER_…` */
  run(request: RemoteRun, services: RemoteRunServices): Promise<RemoteResult | undefined>;
  close(): void;
}
