import type { Writable } from 'node:stream';
import type { Store } from '../store/store.ts';
import type { ContainerPlan } from './container.ts';
import { type Supervision, supervise } from './supervise.ts';
import type { RunStreams } from './terminal.ts';

const NEWLINE = 0x0a;

/**
 * Runs a container in the foreground.
 *
 * @returns the command's exit code
 * @throws JettisonError when the command could not start
 */
export function runInForeground(
  store: Store,
  config: ContainerPlan,
  streams: RunStreams,
  control: Pick<Supervision, 'fetch' | 'started'>,
): Promise<number> {
  let isInLine = false;
  return supervise(store, config, {
    ...control,
    streams,
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

/** Resolves once the stream has written the data: a slow reader slows the command down. */
function write(stream: Writable, data: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    stream.write(data, () => resolve());
  });
}
