import { signalContainer } from '../../run/stop.ts';
import { defineCommand } from '../command.ts';
import { forEachContainer } from '../each-container.ts';

export const command = defineCommand({
  usage: 'jettison kill [OPTIONS] CONTAINER...',
  about: 'Sends a signal to the command of a container. KILL ends everything in it.',
  flags: {
    signal: { short: 's', value: 'SIGNAL', help: 'A name such as HUP, or a number; default: KILL' },
  },
  async run({ flags, args, io }) {
    return forEachContainer(io, args, async (_store, container) =>
      signalContainer(container, flags.signal ?? 'KILL'),
    );
  },
});
