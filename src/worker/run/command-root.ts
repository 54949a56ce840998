import type { JettisonError } from '../../errors/error.ts';
import type { Environment } from '../../launch/environment.ts';
import type { MergedTree } from '../../layer/merged-tree.ts';
import type { SettledRequest, User } from '../../protocol/exec-request.ts';
import type { RunningRuntime } from '../../protocol/rung.ts';
import type { Hidden } from './chroot/changes.ts';
import type { StackedLayer } from './kept-failure.ts';
import type { CommandStreams } from './streams.ts';

/** A command and its layers. */
export interface RunSubject {
  request: SettledRequest;
  layers: StackedLayer[];
  /** The layers' merged view. */
  tree: MergedTree;
  user: User;
  environment: Environment;
  /** The working directory, if the image lacks it: relative to the root, without symlinks. */
  missingDirectory?: string;
}

/** Called outside the root while a command starts. */
export interface StartHooks {
  /**
   * Called while the root is being made, as soon as the first process exists. Not on every rung.
   *
   * @param first process id of the process above the command, seen from here
   */
  began?: (first: number) => void;
  /** Called when the root is there, before the command starts. */
  prepare: (first: number) => Promise<void>;
}

/** A command that runs. */
export interface RunningCommand {
  readonly streams: CommandStreams;
  /** Resolves when all processes of the command have ended: its exit code, 128 + n after signal n. */
  readonly exit: Promise<number>;
  /** Process id of the process above the command, seen from here; 0 when it has ended. */
  readonly first: number;
  /** Kills the command and all processes that it started. */
  kill(): void;
  /** Sends a signal to the command, not to its children. */
  signal(name: NodeJS.Signals): void;
}

/** The files that a command has changed. */
export interface Changes {
  /** Absolute path of an upper directory of overlayfs, or one like it. */
  upper: string;
  /** Whiteouts and opaque directories, if no overlay made the directory and marked them on disk. */
  hidden?: Hidden;
}

/** The root of one command, as a rung of the ladder makes it. */
export interface CommandRoot {
  /** Absolute path of the run's own folder, outside the root. */
  readonly folder: string;
  /** The runtime that runs the command, once it is started. */
  readonly runtime: RunningRuntime | undefined;
  /**
   * A folder in memory for the programs that start further commands: absolute path in the mount namespace of the
   * sandbox's first process. Absent where no command can join.
   */
  readonly programs?: string;
  /** Requested settings that are not in effect on this rung, for people. */
  readonly problems: readonly string[];
  /** Absolute path of a failed command's changes; absent on rungs without `jettison debug`. */
  readonly leftovers?: string;
  /**
   * Makes the root and starts the command in it.
   *
   * @param signal ends the wait for cache locks
   */
  start(subject: RunSubject, hooks: StartHooks, signal: AbortSignal): Promise<RunningCommand>;
  /** Why a command did not run at all, if its exit code is that of the launch. */
  failure(): { exitCode: number; message: string } | JettisonError | undefined;
  /** Call when the command has ended. */
  changes(): Promise<Changes>;
  /** Deletes the root, and releases locks and mounts. */
  close(): Promise<void>;
}
