import { constants } from 'node:os';
import { parseArgs } from 'node:util';
import { findContainer } from '../run/container.ts';
import { isInForeground, needTerminal } from '../run/foreground.ts';
import { closeInherited } from '../run/inherited.ts';
import { firstProcess, join, killJoined, userOf } from '../run/join.ts';
import { forwardSignals } from '../run/signals.ts';
import { openStore } from '../store/store.ts';
import type { Entered } from '../worker/enter.ts';
import type { Command, Io } from './command.ts';
import { splitArguments } from './own-arguments.ts';
import { environment } from './run-flags.ts';
import { usageError } from './usage.ts';

const help = `Usage: jettison exec [OPTIONS] CONTAINER COMMAND [ARG...]

Runs a further command in a running container: with its files, processes, network, limits and rights, and
unless said otherwise with its user, directory and environment. The exit code is the command's.

Options:
  -e, --env NAME[=VALUE]  Set a variable, or hand over one of this shell's
  -i, --interactive       Let the command read standard input
  -t, --tty               Give the command this terminal
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
    const { config, state } = container;
    const sharesTerminal = values.tty === true || (values.interactive === true && io.stdin.isTTY === true);
    // Listening begins first: the command may be running before this process gets its next turn.
    let child: Entered | undefined;
    const stopForwarding = forwardSignals(
      sharesTerminal,
      (signal) => killJoined(child!, signal),
      () => killJoined(child!, 'SIGKILL'),
    );
    try {
      child = join(
        store,
        config,
        state,
        {
          args: command,
          env: [...(values.tty ? ['TERM=xterm'] : []), ...environment(values.env ?? [], io.env)],
          ...(values.user === undefined ? {} : { user: await userOf(store, state.layers!, values.user) }),
          ...(values.workdir === undefined ? {} : { cwd: values.workdir }),
          terminal: values.tty === true,
          isForeground: values.interactive === true && io.stdin.isTTY === true && isInForeground(),
        },
        [values.interactive ? 'inherit' : 'ignore', 'inherit', 'inherit'],
      );
      const started = child.process;
      return await new Promise<number>((resolve, reject) => {
        started.on('error', reject);
        started.on('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal!]));
      });
    } finally {
      stopForwarding();
    }
  } finally {
    store.close();
  }
}

export const command: Command = { ownsSignals: true, help, run };
