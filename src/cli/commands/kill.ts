import { parseArgs } from 'node:util';
import { signalContainer } from '../../run/stop.ts';
import type { Command, Io } from '../command.ts';
import { forEachContainer } from '../each-container.ts';
import { usageError } from '../usage.ts';

const help = `Usage: jettison kill [OPTIONS] CONTAINER...

Sends a signal to the command of a container. KILL ends everything in it.

Options:
  -s, --signal SIGNAL  A name such as HUP, or a number; KILL by default
`;

async function run(args: string[], io: Io): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { signal: { type: 'string', short: 's' } },
  });
  if (positionals.length === 0) {
    throw usageError('kill needs a container', 'usage: jettison kill [OPTIONS] CONTAINER...');
  }
  return forEachContainer(io, positionals, async (_store, container) =>
    signalContainer(container, values.signal ?? 'KILL'),
  );
}

export const command: Command = { help, run };
