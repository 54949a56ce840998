import { parseArgs } from 'node:util';
import { findContainer } from '../../run/container.ts';
import { closeInherited } from '../../run/inherited.ts';
import { firstProcess, join, userOf } from '../../run/join.ts';
import { needTerminal } from '../../run/terminal.ts';
import { openStore } from '../../store/store.ts';
import type { Command, Io } from '../command.ts';
import { splitArguments } from '../flags/own-arguments.ts';
import { environment } from '../flags/run-flags.ts';
import { usageError } from '../usage.ts';

const help = `Usage: jettison exec [OPTIONS] CONTAINER COMMAND [ARG...]

Runs a further command in a running container: with its files, processes, network, limits and rights, and
unless said otherwise with its user, directory and environment. The exit code is the command's.

Options:
  -e, --env NAME[=VALUE]  Set a variable, or hand over one of this shell's
  -i, --interactive       Let the command read standard input
  -t, --tty               Give the command a terminal of its own, shown on this one
  -u, --user USER[:GROUP] Names or numbers, looked up in the image
  -w, --workdir DIR       Working directory

Examples:
  jettison exec -it api sh
  jettison exec -u 0 api id
`;

const USAGE = 'usage: jettison exec [OPTIONS] CONTAINER COMMAND [ARG...]';

const options = {
  env: { type: 'string', short: 'e', multiple: true },
  interactive: { type: 'boolean', short: 'i' },
  tty: { type: 'boolean', short: 't' },
  user: { type: 'string', short: 'u' },
  workdir: { type: 'string', short: 'w' },
} as const;

async function run(args: string[], io: Io): Promise<number> {
  const { own, first: name, rest: command } = splitArguments(args, options);
  const { values } = parseArgs({ args: own, options });
  if (name === undefined || command.length === 0)
    throw usageError('exec needs a container and a command', USAGE);
  if (values.workdir !== undefined && !values.workdir.startsWith('/')) {
    throw usageError(`the working directory "${values.workdir}" is not absolute`, USAGE);
  }
  if (values.tty) needTerminal(io, values.interactive === true);
  closeInherited();
  const store = openStore({ env: io.env });
  try {
    const container = findContainer(store, name);
    firstProcess(container);
    const { state } = container;
    return await join(
      container,
      {
        args: command,
        env: [...(values.tty ? ['TERM=xterm'] : []), ...environment(values.env ?? [], io.env)],
        ...(values.user === undefined ? {} : { user: await userOf(store, state.layers!, values.user) }),
        ...(values.workdir === undefined ? {} : { cwd: values.workdir }),
        terminal: values.tty === true,
        typed: values.interactive === true,
      },
      io,
    );
  } finally {
    store.close();
  }
}

export const command: Command = { ownsSignals: true, help, run };
