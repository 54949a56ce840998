import { parseArgs } from 'node:util';
import { forgetLogin, registryOf } from '../../registry/login.ts';
import type { Command, Io } from '../command.ts';
import { usageError } from '../usage.ts';

const help = `Usage: jettison logout [SERVER]

Forgets the user and password for a registry that \`jettison login\` or \`docker login\` kept. SERVER is
Docker Hub where none is given.
`;

async function run(args: string[], io: Io): Promise<number> {
  const { positionals } = parseArgs({ args, allowPositionals: true, options: {} });
  if (positionals.length > 1) throw usageError('logout takes one server', 'usage: jettison logout [SERVER]');
  const registry = registryOf(positionals[0] ?? 'docker.io');
  const found = await forgetLogin(registry, io.env);
  io.stdout.write(found ? `Removed the login for ${registry}\n` : `Not logged in to ${registry}\n`);
  return 0;
}

export const command: Command = { help, run };
