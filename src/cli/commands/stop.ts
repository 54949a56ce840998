import { stopContainer } from '../../run/stop.ts';
import { defineCommand } from '../command.ts';
import { forEachContainer } from '../each-container.ts';
import { seconds } from '../flags/limits.ts';

export const command = defineCommand({
  usage: 'jettison stop [OPTIONS] CONTAINER...',
  about: `Sends the stop signal of its image (else TERM) to the command of a container, and kills it and all processes
of the container if it does not end.`,
  flags: {
    time: {
      short: 't',
      value: 'SECONDS',
      help: 'Seconds to wait before killing; default: that of run --stop-timeout, else 10',
      parse: seconds,
    },
  },
  async run({ flags, args, io }) {
    return forEachContainer(io, args, (store, container) => stopContainer(store, container, flags.time));
  },
});
