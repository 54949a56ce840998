import { parseArgs } from 'node:util';
import { stopContainer } from '../../run/stop.ts';
import type { Command, Io } from '../command.ts';
import { forEachContainer } from '../each-container.ts';
import { usageError } from '../usage.ts';

const help = `Usage: jettison stop [OPTIONS] CONTAINER...

Asks the command of a container to end, with its image's stop signal (else TERM), and kills it and everything
that it started when it does not.

Options:
  -t, --time SECONDS  How long to wait before killing; by default what run --stop-timeout said, else 10
`;

const USAGE = 'usage: jettison stop [OPTIONS] CONTAINER...';

async function run(args: string[], io: Io): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { time: { type: 'string', short: 't' } },
  });
  if (values.time !== undefined && !/^\d+$/.test(values.time)) {
    throw usageError(`"${values.time}" is no number of seconds`, USAGE);
  }
  if (positionals.length === 0) throw usageError('stop needs a container', USAGE);
  const timeout = values.time === undefined ? undefined : Number(values.time);
  return forEachContainer(io, positionals, (store, container) => stopContainer(store, container, timeout));
}

export const command: Command = { help, run };
