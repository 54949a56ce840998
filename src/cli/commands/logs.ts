import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { JettisonError, usageError } from '../../errors/error.ts';
import { findContainer, isLive } from '../../run/container.ts';
import { type LogEntry, LogReader } from '../../run/log.ts';
import { logPath } from '../../run/supervise.ts';
import { openStore } from '../../store/store.ts';
import { defineCommand } from '../command.ts';

const POLL_MS = 100;
/** Value of `--tail`; undefined for `all`. */
function lineCount(text: string): number | undefined {
  if (text === 'all') return undefined;
  if (!/^\d+$/.test(text)) throw usageError(`invalid number of lines "${text}"`, 'Write a number, or all.');
  return Number(text);
}

function lastOf<T>(items: Iterable<T>, count: number): T[] {
  const last: T[] = [];
  for (const item of items) {
    last.push(item);
    if (last.length > count) last.shift();
  }
  return last;
}

function write(stream: Writable, data: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    stream.write(data, () => resolve());
  });
}

export const command = defineCommand({
  usage: 'jettison logs [OPTIONS] CONTAINER',
  about: `Prints the output of a container in the background, at least the last 10 MB of it: its standard output and
its standard error each to the same here.`,
  flags: {
    follow: { short: 'f', help: 'Continue until the container ends' },
    tail: {
      short: 'n',
      value: 'NUMBER',
      help: 'Start with the last NUMBER lines',
      parse: lineCount,
    },
    timestamps: { short: 't', help: 'The time before each line' },
  },
  async run({ flags, args, io }) {
    const { tail } = flags;
    const store = openStore({ env: io.env });
    try {
      const { config } = findContainer(store, args[0]!);
      if (!config.detached) {
        throw new JettisonError('NO_LOG', `the container ${config.name} runs in the foreground`, {
          hint: 'Its output is where it was started; `jettison run -d` keeps it.',
        });
      }
      const reader = new LogReader(logPath(store, config.id));
      const print = ({ time, stream, data }: LogEntry) =>
        write(io[stream], flags.timestamps ? Buffer.concat([Buffer.from(`${time} `), data]) : data);
      if (tail === undefined) for (const entry of reader.read()) await print(entry);
      else for (const entry of lastOf(reader.read(), tail)) await print(entry);
      for (let goesOn = flags.follow; goesOn; ) {
        // Checked before reading, so that the last output is not missed.
        goesOn = !io.signal.aborted && isLive(store.containers.get(config.id));
        for (const entry of reader.read()) await print(entry);
        if (goesOn) await sleep(POLL_MS);
      }
      return 0;
    } finally {
      store.close();
    }
  },
});
