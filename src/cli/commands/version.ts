import type { Command } from '../command.ts';
import { VERSION } from '../version.ts';

export const command: Command = {
  help: 'Usage: jettison version\n\nPrints the version, as `jettison --version` does.\n',
  async run(_args, io) {
    io.stdout.write(`${VERSION}\n`);
    return 0;
  },
};
