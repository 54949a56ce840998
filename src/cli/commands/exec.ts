import { findContainer } from '../../run/container.ts';
import { closeInherited } from '../../run/inherited.ts';
import { firstProcess, join, userOf } from '../../run/join.ts';
import { needTerminal } from '../../run/terminal.ts';
import { openStore } from '../../store/store.ts';
import { defineCommand } from '../command.ts';
import { PROCESS_FLAGS } from '../flags/common.ts';
import { absolute, environment } from '../flags/run-flags.ts';

export const command = defineCommand({
  usage: 'jettison exec [OPTIONS] CONTAINER COMMAND [ARG...]',
  about: `Runs a further command in a running container: with its files, processes, network, limits and rights, and by
default with its user, directory and environment. The exit code is the command's.`,
  flags: { ...PROCESS_FLAGS, workdir: { ...PROCESS_FLAGS.workdir, parse: absolute } },
  examples: ['jettison exec -it api sh', 'jettison exec -u 0 api id'],
  ownsSignals: true,
  runsPrograms: true,
  async run({ flags, args, io }) {
    const [name = '', ...command] = args;
    if (flags.tty) needTerminal(io, flags.interactive);
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
          env: [...(flags.tty ? ['TERM=xterm'] : []), ...environment(flags.env, io.env)],
          ...(flags.user === undefined ? {} : { user: await userOf(store, state.layers!, flags.user) }),
          ...(flags.workdir === undefined ? {} : { cwd: flags.workdir }),
          terminal: flags.tty,
          typed: flags.interactive,
        },
        io,
      );
    } finally {
      store.close();
    }
  },
});
