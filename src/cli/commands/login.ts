import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { unguarded } from '../../errors/terminal-guard.ts';
import { registryOf, saveLogin, verifyLogin } from '../../registry/login.ts';
import type { Command, Io } from '../command.ts';
import { usageError } from '../usage.ts';

const help = `Usage: jettison login [OPTIONS] [SERVER]

Has a registry check a user and password (or access token), and keeps them where \`docker login\` does:
builds, pulls and pushes of Jettison and Docker alike use them. SERVER is Docker Hub where none is given.

Options:
  -u, --username USER       The user
  -p, --password PASSWORD   The password; others on this machine can see it there: better use
      --password-stdin      Read the password from standard input
      --registry-insecure   Accept any certificate, and plain http

Examples:
  jettison login -u me ghcr.io
  echo "$TOKEN" | jettison login -u me --password-stdin registry.example.com
`;

async function run(args: string[], io: Io): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      username: { type: 'string', short: 'u' },
      password: { type: 'string', short: 'p' },
      'password-stdin': { type: 'boolean' },
      'registry-insecure': { type: 'boolean' },
    },
  });
  if (positionals.length > 1)
    throw usageError('login takes one server', 'usage: jettison login [OPTIONS] [SERVER]');
  const registry = registryOf(positionals[0] ?? 'docker.io');
  if (values['password-stdin'] && values.password !== undefined) {
    throw usageError('--password and --password-stdin cannot both be given', 'leave --password out');
  }
  if (values['password-stdin'] && values.username === undefined) {
    throw usageError('--password-stdin needs --username', 'add -u USER');
  }
  if (values.password !== undefined) {
    io.stderr.write('warning: others on this machine can see --password: use --password-stdin\n');
  }
  const username = values.username ?? (await ask(io, 'Username: ', false));
  const password = values['password-stdin']
    ? (await text(io.stdin)).replace(/\r?\n$/, '')
    : (values.password ?? (await ask(io, 'Password: ', true)));
  if (username === '' || password === '') {
    throw usageError('a login needs a user and a password', 'neither may be empty');
  }
  const options = { env: io.env, insecure: values['registry-insecure'] === true, signal: io.signal };
  await verifyLogin(registry, { username, password }, options);
  const { place, encrypted } = await saveLogin(registry, { username, password }, io.env);
  if (!encrypted) io.stderr.write(`warning: the password is kept unencrypted in ${place}\n`);
  io.stdout.write('Login Succeeded\n');
  return 0;
}

async function ask(io: Io, question: string, hidden: boolean): Promise<string> {
  if (io.stdin.isTTY !== true) {
    throw usageError('nobody is here to be asked for the login', 'give -u USER and --password-stdin');
  }
  // Readline itself shows what is typed: for a password it gets an output that leads nowhere.
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

export const command: Command = { help, run };
