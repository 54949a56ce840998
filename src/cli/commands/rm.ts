import { parseArgs } from 'node:util';
import { removeContainer } from '../../run/stop.ts';
import type { Command, Io } from '../command.ts';
import { forEachContainer } from '../each-container.ts';
import { usageError } from '../usage.ts';

const help = `Usage: jettison rm [OPTIONS] CONTAINER...

Forgets containers that have ended, with their logs.

Options:
  -f, --force  Kill one that runs; one that does not exist is fine
`;

async function run(args: string[], io: Io): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { force: { type: 'boolean', short: 'f' } },
  });
  if (positionals.length === 0) {
    throw usageError('rm needs a container', 'usage: jettison rm [OPTIONS] CONTAINER...');
  }
  const force = values.force === true;
  return forEachContainer(
    io,
    positionals,
    (store, container) => removeContainer(store, container, force),
    force ? 'CONTAINER_UNKNOWN' : undefined,
  );
}

export const command: Command = { help, run };
