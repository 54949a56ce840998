import { stopContainer } from '../../run/stop.ts';
import { defineCommand } from '../command.ts';
import { forEachContainer } from '../each-container.ts';
import { seconds } from '../flags/limits.ts';

export const command = defineCommand({
  usage: 'jettison stop [OPTIONS] CONTAINER...',
  about: `Asks the command of a container to end, with its image's stop signal (else TERM), and kills it and everything
that it started when it does not.`,
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
