import type { Digest } from '../image/digest.ts';

/** Everything that was seen of an image while it ran once. JSON: a report can keep it. */
export interface ProbeResult {
  /** The image id. */
  image: Digest;
  rights: 'plain' | 'hardened';
  /** `host`: this machine can make no network of the container's own, so its ports are those of the machine. */
  network: 'private' | 'host';
  outcome: ProbeOutcome;
  /** Why the command could not start; with the outcome `failed`. */
  error?: string;
  /** Milliseconds from the start of the command to the outcome. */
  readyMs: number;
  /** Of a command that ended by itself. */
  exitCode?: number;
  /** Sockets on which something in the container listened; empty with the network `host`, where others listen, too. */
  listening: ListeningSocket[];
  /** One for each exposed port and path. */
  answers: HttpAnswer[];
  /** The image's own health check, run once the command answers. */
  health?: CheckedCommand;
  /** `--probe`: a command in the container. */
  probe?: CheckedCommand;
  /** `--test`: a command on this machine. */
  test?: CheckedCommand;
  logs: Record<'stdout' | 'stderr', CapturedText>;
  /** How the container was stopped; absent if it ended by itself. */
  stop?: { signal: string; ms: number; exitCode?: number; killed: boolean };
  /** Notes of the sandbox, such as a limit that could not be set. */
  notes: string[];
}

/**
 * `answered`: a port gave an HTTP answer, or there was none to ask and the command ran on. `silent`: it ran until the
 * time was over, and no port answered. `ended`: the command ended by itself. `failed`: it could not start.
 */
export type ProbeOutcome = 'answered' | 'silent' | 'ended' | 'failed';

export interface ListeningSocket {
  address: string;
  port: number;
}

/** The answer to one GET request. */
export interface HttpAnswer {
  /** In the container. */
  port: number;
  path: string;
  /** 0 if there was no HTTP answer; `error` says why. */
  status: number;
  error?: string;
  /** Names in lower case; repeated values are joined with `, `. */
  headers: Record<string, string>;
  /** Of the part of the body that was read. */
  body: { digest: Digest; size: number; truncated: boolean };
}

/** A command that ended, or was killed when its time was over: exit code -1. */
export interface CheckedCommand {
  command: string;
  exitCode: number;
  /** Printable. */
  output: string;
}

/** Printable text without credentials: the last part of what was written. */
export interface CapturedText {
  text: string;
  /** Bytes before the text that were dropped. */
  dropped: number;
}
