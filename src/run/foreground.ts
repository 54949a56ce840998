import { readFileSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { JettisonError } from '../errors/error.ts';
import type { Store } from '../store/store.ts';
import type { ContainerPlan } from './container.ts';
import { type Supervision, supervise } from './supervise.ts';

const NEWLINE = 0x0a;

/** Where the output goes when there is no terminal in play. */
export interface RunStreams {
  stdin: { isTTY?: boolean };
  stdout: Writable & { isTTY?: boolean };
  stderr: Writable;
}

/**
 * Runs a container in the foreground.
 *
 * @returns the command's exit code
 * @throws JettisonError when it could not be run at all
 */
export function runInForeground(
  store: Store,
  config: ContainerPlan,
  streams: RunStreams,
  control: Pick<Supervision, 'fetch' | 'started'>,
): Promise<number> {
  const { stdio, process } = config.request;
  let isInLine = false;
  return supervise(store, config, {
    ...control,
    sharesTerminal: stdio === 'inherit' || (process.inheritStdin === true && streams.stdin.isTTY === true),
    output: (stream, data) => {
      if (stream === 'stderr' || streams.stdout.isTTY) isInLine = data.at(-1) !== NEWLINE;
      return write(streams[stream], data);
    },
    note: (text) => {
      streams.stderr.write(`${isInLine ? '\n' : ''}note: ${text}\n`);
      isInLine = false;
    },
  });
}

/**
 * Checks that there is a terminal to give to a command.
 *
 * @throws JettisonError `NOT_A_TERMINAL`
 */
export function needTerminal(streams: RunStreams, interactive: boolean): void {
  if (streams.stdout.isTTY && (streams.stdin.isTTY || !interactive)) return;
  throw new JettisonError('NOT_A_TERMINAL', '-t gives the command this terminal, and there is none', {
    hint: 'Leave -t out.',
  });
}

/** Whether this process may read from its terminal: not so behind a shell's `&`. */
export function isInForeground(): boolean {
  // After the program's name: state, parent, group, session, terminal, the terminal's group.
  const fields = /^.*\) (.*)$/s.exec(readFileSync('/proc/self/stat', 'latin1'))![1]!.split(' ');
  return fields[2] === fields[5];
}

/** Settles when the stream has taken the data, so that a slow reader slows the command down. */
function write(stream: Writable, data: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    stream.write(data, () => resolve());
  });
}
