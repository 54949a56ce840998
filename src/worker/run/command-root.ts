import type { JettisonError } from '../../errors/error.ts';
import type { Environment } from '../../launch/environment.ts';
import type { MergedTree } from '../../layer/merged-tree.ts';
import type { SettledRequest, User } from '../../protocol/exec-request.ts';
import type { RunningRuntime } from '../../protocol/rung.ts';
import type { Hidden } from './chroot/changes.ts';
import type { StackedLayer } from './kept-failure.ts';
import type { CommandStreams } from './streams.ts';

/** A command, and what it runs on. */
export interface RunSubject {
  request: SettledRequest;
  layers: StackedLayer[];
  /** The layers' merged view. */
  tree: MergedTree;
  user: User;
  environment: Environment;
  /** The working directory, where the image lacks it: relative to the root, without symlinks. */
  missingDirectory?: string;
}

/** What has to happen outside of a root while a command is started in it. */
export interface StartHooks {
  /**
   * Called while the root is made, as soon as the process is known. Not on every rung.
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
  /** Settles when everything that the command started is gone: its exit code, 128 + n after signal n. */
  readonly exit: Promise<number>;
  /** Process id of the process above the command, seen from here; 0 when it has ended. */
  readonly first: number;
  /** Kills the command and everything that it left. */
  kill(): void;
  /** Sends a signal to the command; not to processes that it started. */
  signal(name: NodeJS.Signals): void;
}

/** What a command has changed. */
export interface Changes {
  /** Absolute path of a directory that has it, as overlayfs keeps it. */
  upper: string;
  /** Where no overlay has made that: what such a one would say on the disk. */
  hidden?: Hidden;
}

/** The root of one command, as a rung of the ladder makes it. */
export interface CommandRoot {
  /** Absolute path of a folder for whatever belongs to the run, outside the root. */
  readonly folder: string;
  /** The runtime that runs the command, once it is started. */
  readonly runtime?: RunningRuntime | undefined;
  /**
   * Absolute path, in the mount namespace of the sandbox's first process, of a folder in memory for the programs that
   * become further commands; absent where no command can join.
   */
  readonly programs?: string;
  /** What was asked for and does not hold on this rung, for people. */
  readonly problems: readonly string[];
  /** Absolute path of what a failed command leaves to look at; absent where nobody could. */
  readonly leftovers?: string;
  /**
   * Makes the root and starts the command in it.
   *
   * @param signal ends the waiting for caches
   */
  start(subject: RunSubject, hooks: StartHooks, signal: AbortSignal): Promise<RunningCommand>;
  /** What kept a command from running that seems to have failed. */
  failure(): { exitCode: number; message: string } | JettisonError | undefined;
  /** To be called when the command has ended. */
  changes(): Promise<Changes>;
  /** Deletes all of it, and gives back what belongs to others. */
  close(): Promise<void>;
}
