import { VERSION } from '../../version.ts';
import { defineCommand } from '../command.ts';

export const command = defineCommand({
  usage: 'jettison version',
  about: 'Prints the version, as `jettison --version` does.',
  async run({ io }) {
    io.stdout.write(`${VERSION}\n`);
    return 0;
  },
});
