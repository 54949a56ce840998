import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { JettisonError } from '../../errors/error.ts';
import { findContainer, isLive } from '../../run/container.ts';
import { type LogEntry, LogReader } from '../../run/log.ts';
import { logPath } from '../../run/supervise.ts';
import { openStore } from '../../store/store.ts';
import type { Command, Io } from '../command.ts';
import { usageError } from '../usage.ts';

const help = `Usage: jettison logs [OPTIONS] CONTAINER

Prints what a container in the background has printed, at least the last 10 MB of it: its standard output and
its standard error each to the same here.

Options:
  -f, --follow       Go on until the container ends
  -n, --tail NUMBER  Only the last lines of what is there
  -t, --timestamps   The time before each line
`;

const POLL_MS = 100;
const USAGE = 'usage: jettison logs [OPTIONS] CONTAINER';

async function run(args: string[], io: Io): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      follow: { type: 'boolean', short: 'f' },
      tail: { type: 'string', short: 'n' },
      timestamps: { type: 'boolean', short: 't' },
    },
  });
  const [name, ...more] = positionals;
  if (name === undefined || more.length > 0) throw usageError('logs needs one container', USAGE);
  const tail = values.tail === undefined || values.tail === 'all' ? undefined : Number(values.tail);
  if (tail !== undefined && !(Number.isInteger(tail) && tail >= 0)) {
    throw usageError(`"${values.tail}" is no number of lines`, USAGE);
  }
  const store = openStore({ env: io.env });
  try {
    const { config } = findContainer(store, name);
    if (!config.detached) {
      throw new JettisonError('NO_LOG', `the container ${config.name} runs in the foreground`, {
        hint: 'What it prints is where it was started; with -d it would be kept.',
      });
    }
    const reader = new LogReader(logPath(store, config.id));
    const print = ({ time, stream, data }: LogEntry) =>
      write(io[stream], values.timestamps ? Buffer.concat([Buffer.from(`${time} `), data]) : data);
    if (tail === undefined) for (const entry of reader.read()) await print(entry);
    else for (const entry of lastOf(reader.read(), tail)) await print(entry);
    for (let goesOn = values.follow === true; goesOn; ) {
      // Asked before reading: what was written until then is in the file.
      goesOn = !io.signal.aborted && isLive(store.containers.get(config.id));
      for (const entry of reader.read()) await print(entry);
      if (goesOn) await sleep(POLL_MS);
    }
    return 0;
  } finally {
    store.close();
  }
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

export const command: Command = { help, run };
