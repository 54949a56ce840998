import { removeContainer } from '../../run/stop.ts';
import { defineCommand } from '../command.ts';
import { forEachContainer } from '../each-container.ts';

export const command = defineCommand({
  usage: 'jettison rm [OPTIONS] CONTAINER...',
  about: 'Deletes containers that have ended, with their logs.',
  flags: {
    force: { short: 'f', help: 'Kill running ones first; ignore containers that do not exist' },
  },
  async run({ flags, args, io }) {
    const { force } = flags;
    return forEachContainer(
      io,
      args,
      (store, container) => removeContainer(store, container, force),
      force ? 'CONTAINER_UNKNOWN' : undefined,
    );
  },
});
