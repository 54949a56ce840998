import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { usageError } from '../../errors/error.ts';
import { unguarded } from '../../errors/terminal-guard.ts';
import { registryOf, saveLogin, verifyLogin } from '../../registry/login.ts';
import { defineCommand, type Io } from '../command.ts';
import { REGISTRY_FLAGS } from '../flags/common.ts';

async function ask(io: Io, question: string, hidden: boolean): Promise<string> {
  if (io.stdin.isTTY !== true) {
    throw usageError(
      'cannot ask for the login: standard input is not a terminal',
      'Give -u USER and --password-stdin.',
    );
  }
  // Readline echoes input, so it gets an output that discards everything for a password.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  if (hidden) io.stderr.write(question);
  const terminal = createInterface({
    input: io.stdin,
    output: hidden ? nowhere : unguarded(io.stderr),
    terminal: true,
  });
  try {
    return await terminal.question(hidden ? '' : question, { signal: io.signal });
  } finally {
    terminal.close();
    if (hidden) io.stderr.write('\n');
  }
}

export const command = defineCommand({
  usage: 'jettison login [OPTIONS] [SERVER]',
  about: `Checks a user and password (or access token) with a registry, and keeps them where \`docker login\` does:
builds, pulls and pushes of Jettison and Docker alike use them. SERVER is Docker Hub where none is given.`,
  flags: {
    ...REGISTRY_FLAGS,
    password: {
      short: 'p',
      value: 'PASSWORD',
      help: 'The password; other users of this machine can see it there: better use --password-stdin',
    },
    'password-stdin': { help: 'Read the password from standard input' },
    username: { short: 'u', value: 'USER', help: 'The user' },
  },
  examples: [
    'jettison login -u me ghcr.io',
    'echo "$TOKEN" | jettison login -u me --password-stdin registry.example.com',
  ],
  async run({ flags, args, io }) {
    const registry = registryOf(args[0] ?? 'docker.io');
    if (flags['password-stdin'] && flags.password !== undefined) {
      throw usageError('--password and --password-stdin cannot both be given', 'Leave --password out.');
    }
    if (flags['password-stdin'] && flags.username === undefined) {
      throw usageError('--password-stdin needs --username', 'Add -u USER.');
    }
    if (flags.password !== undefined) {
      io.stderr.write('warning: others on this machine can see --password: use --password-stdin\n');
    }
    const username = flags.username ?? (await ask(io, 'Username: ', false));
    const password = flags['password-stdin']
      ? (await text(io.stdin)).replace(/\r?\n$/, '')
      : (flags.password ?? (await ask(io, 'Password: ', true)));
    if (username === '' || password === '') {
      throw usageError(
        'a login needs a user and a password',
        'Neither may be empty: jettison login -u USER.',
      );
    }
    const options = { env: io.env, insecure: flags['registry-insecure'], signal: io.signal };
    await verifyLogin(registry, { username, password }, options);
    const { place, encrypted } = await saveLogin(registry, { username, password }, io.env);
    if (!encrypted) io.stderr.write(`warning: the password is kept unencrypted in ${place}\n`);
    io.stdout.write('Login Succeeded\n');
    return 0;
  },
});
