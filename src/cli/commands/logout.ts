import { forgetLogin, registryOf } from '../../registry/login.ts';
import { defineCommand } from '../command.ts';

export const command = defineCommand({
  usage: 'jettison logout [SERVER]',
  about: `Forgets the user and password for a registry that \`jettison login\` or \`docker login\` kept. SERVER is
Docker Hub where none is given.`,
  async run({ args, io }) {
    const registry = registryOf(args[0] ?? 'docker.io');
    const found = await forgetLogin(registry, io.env);
    io.stdout.write(found ? `Removed the login for ${registry}\n` : `Not logged in to ${registry}\n`);
    return 0;
  },
});
