import { parseArgs } from 'node:util';
import { JettisonError } from '../errors/error.ts';
import { fetchMissing } from '../export/fetch-missing.ts';
import { runImage } from '../run/run.ts';
import { findImage } from '../store/lookup.ts';
import { openStore } from '../store/store.ts';
import type { Command, Io } from './command.ts';
import { usageError } from './usage.ts';

const help = `Usage: jettison run [OPTIONS] IMAGE [COMMAND] [ARG...]

Runs an image of the store in the foreground and throws away what it changed. Signals go to the command; the
exit code is the command's, 125 if it could not be run, 126 if it is not executable, 127 if it is missing.

Options:
  -e, --env NAME[=VALUE]   Set a variable, or hand over one of this shell's
      --entrypoint COMMAND Replace the image's ENTRYPOINT, and drop its CMD
  -i, --interactive        Let the command read standard input
      --network NETWORK    host (the default) or none
  -p, --publish PORTS      Accepted: the network is this machine's, so ports need no publishing
      --rm                 Accepted: nothing is ever kept
  -t, --tty                Give the command this terminal
  -u, --user USER[:GROUP]  Names or numbers
  -w, --workdir DIR        Working directory

Examples:
  jettison run --rm -p 3000:3000 app
  jettison run -it --entrypoint sh app
  jettison run -e NODE_ENV=development app node --version
`;

const USAGE = 'usage: jettison run [OPTIONS] IMAGE [COMMAND] [ARG...]';

const options = {
  entrypoint: { type: 'string' },
  env: { type: 'string', short: 'e', multiple: true },
  interactive: { type: 'boolean', short: 'i' },
  network: { type: 'string' },
  publish: { type: 'string', short: 'p', multiple: true },
  rm: { type: 'boolean' },
  tty: { type: 'boolean', short: 't' },
  user: { type: 'string', short: 'u' },
  workdir: { type: 'string', short: 'w' },
} as const;

/** What `docker run` answers when it was not the command that failed. */
const EXIT_NOT_RUN = 125;

async function run(args: string[], io: Io): Promise<number> {
  const { own, image: name, command } = splitArguments(args);
  const { values } = parseArgs({ args: own, options });
  if (name === undefined) throw usageError('run needs an image', USAGE);
  const network = values.network ?? 'host';
  if (network !== 'host' && network !== 'none') {
    throw usageError(`there is no network "${network}"`, 'the networks are host and none');
  }
  if (values.workdir !== undefined && !values.workdir.startsWith('/')) {
    throw usageError(`the working directory "${values.workdir}" is not absolute`, USAGE);
  }
  const note = portNote(values.publish ?? []);
  if (note !== undefined) io.stderr.write(`${note}\n`);

  const store = openStore({ env: io.env });
  const end = await store.leases.use(io.signal);
  try {
    const image = findImage(store, name);
    return await runImage(
      store,
      image,
      {
        command,
        env: environment(values.env ?? [], io.env),
        network,
        interactive: values.interactive === true,
        terminal: values.tty === true,
        ...(values.entrypoint === undefined ? {} : { entrypoint: values.entrypoint }),
        ...(values.user === undefined ? {} : { user: values.user }),
        ...(values.workdir === undefined ? {} : { cwd: values.workdir }),
        fetch: async () => {
          const { Registries } = await import('../registry/registries.ts');
          await fetchMissing(store, [image], async () => new Registries({ env: io.env, signal: io.signal }));
        },
      },
      io,
    );
  } catch (error) {
    throw error instanceof JettisonError ? notRun(error) : error;
  } finally {
    end();
    store.close();
  }
}

function notRun({ code, message, hint }: JettisonError): JettisonError {
  return new JettisonError(code, message, {
    exitCode: EXIT_NOT_RUN,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** Options end at the image: what follows is the command's, flags included. */
function splitArguments(args: string[]): { own: string[]; image: string | undefined; command: string[] } {
  const { tokens } = parseArgs({ args, options, allowPositionals: true, strict: false, tokens: true });
  const first = tokens.find(({ kind }) => kind === 'positional');
  if (first === undefined) return { own: args, image: undefined, command: [] };
  const own = args.slice(0, first.index).filter((arg, index) => arg !== '--' || !isTerminator(tokens, index));
  const [image, ...command] = args.slice(first.index);
  return { own, image, command };
}

function isTerminator(tokens: { kind: string; index: number }[], index: number): boolean {
  return tokens.some((token) => token.kind === 'option-terminator' && token.index === index);
}

/** `K=V` as given; a bare `K` is this shell's, and nothing if it has none. */
function environment(given: readonly string[], own: NodeJS.ProcessEnv): string[] {
  return given.flatMap((variable) => {
    if (variable === '' || variable.startsWith('=')) {
      throw usageError(`"${variable}" is no environment variable`, USAGE);
    }
    if (variable.includes('=')) return [variable];
    return own[variable] === undefined ? [] : [`${variable}=${own[variable]}`];
  });
}

const PORTS = /^(?:(?:\[[0-9a-f:]+\]|\d+(?:\.\d+){3}):)?(?:(\d*):)?(\d+)(?:\/(?:tcp|udp|sctp))?$/i;

/** What to say about ports that somebody wants published. */
function portNote(published: readonly string[]): string | undefined {
  if (published.length === 0) return undefined;
  const ports = published.map((text) => {
    const match = PORTS.exec(text);
    if (match === null)
      throw usageError(`"${text}" is no port mapping`, 'write HOST:CONTAINER, e.g. -p 3000:3000');
    return { host: match[1] || match[2]!, container: match[2]! };
  });
  const moved = ports.filter(({ host, container }) => host !== container);
  const note = "note: the command uses this machine's network: its ports are reachable as they are";
  return moved.length === 0
    ? note
    : `${note}, so ${moved.map(({ host, container }) => `${container} is not moved to ${host}`).join(', ')}`;
}

export const command: Command = { ownsSignals: true, help, run };
