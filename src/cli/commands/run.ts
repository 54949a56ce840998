import { EXIT, JettisonError, usageError } from '../../errors/error.ts';
import { fetchMissing } from '../../export/fetch-missing.ts';
import { formatPlatform, hostPlatform, matchPlatform } from '../../image/platform.ts';
import { createContainer } from '../../run/container.ts';
import { runDetached, SUPERVISE, superviseDetached } from '../../run/detached.ts';
import { runInForeground } from '../../run/foreground.ts';
import { closeInherited } from '../../run/inherited.ts';
import { LogReader } from '../../run/log.ts';
import { logPath } from '../../run/supervise.ts';
import { needTerminal } from '../../run/terminal.ts';
import { readImage } from '../../store/lookup.ts';
import { type Store, useStore } from '../../store/store.ts';
import { type Command, defineCommand, type Io } from '../command.ts';
import {
  capabilityNote,
  containerRequest,
  healthcheck,
  portNote,
  RUN_FLAGS,
  stopping,
} from '../flags/run-flags.ts';
import { findOrPull } from '../pull-image.ts';

/** The exit code of `docker run` when the command could not be run. */
const EXIT_NOT_RUN = 125;

async function detach(store: Store, id: string, io: Io): Promise<number> {
  const exitCode = await runDetached(store, id, io.env);
  io.stdout.write(`${id}\n`);
  if (exitCode === undefined) return 0;
  // It ended at once, probably because its command is missing: print its output.
  for (const { data } of new LogReader(logPath(store, id)).read()) io.stderr.write(data);
  return exitCode;
}

/** The supervisor process of a detached container. */
async function supervisor(id: string, io: Io): Promise<number> {
  return useStore({ env: io.env }, (store, started) => {
    const { manifest } = store.containers.get(id)!.config;
    const fetch = fetcher(store, io, readImage(store, manifest));
    return superviseDetached(store, id, { fetch, started });
  });
}

function fetcher(
  store: Store,
  { env, signal }: Io,
  image: Parameters<typeof fetchMissing>[1][number],
): () => Promise<void> {
  return () => fetchMissing(store, [image], { env, signal });
}

const foreground = defineCommand({
  usage: 'jettison run [OPTIONS] IMAGE [COMMAND] [ARG...]',
  about: `Runs an image, pulled if the store lacks it, and discards its changes. Signals go to the command; the exit
code is the command's, 125 if it could not be run, 126 if it is not executable, 127 if it is missing.`,
  flags: RUN_FLAGS,
  examples: [
    'jettison run --rm -p 3000:3000 app',
    'jettison run -d --name api --hardened app && jettison logs -f api',
    'jettison run -it --entrypoint sh app',
  ],
  ownsSignals: true,
  runsPrograms: true,
  async run({ flags, args, io }) {
    const [name = '', ...command] = args;
    if (flags.detach && (flags.tty || flags.interactive)) {
      throw usageError(
        '-d excludes -i and -t: the background has no terminal and no standard input',
        'Leave out -d or -it.',
      );
    }
    if (flags.watch && (flags.detach || flags.tty || flags.interactive)) {
      throw usageError('--watch excludes -d, -i and -t', 'Leave out --watch, or the others.');
    }
    const note = portNote(flags);
    if (note !== undefined) io.stderr.write(`${note}\n`);
    const warning = capabilityNote(flags);
    if (warning !== undefined) io.stderr.write(`${warning}\n`);

    const start = async (store: Store, started: (id: string) => void) => {
      const image = await findOrPull(store, name, flags.pull, io);
      if (matchPlatform(hostPlatform(), image.config) === 0) {
        const [theirs, ours] = [formatPlatform(image.config), formatPlatform(hostPlatform())];
        io.stderr.write(`warning: ${name} is for ${theirs}, and this machine is ${ours}\n`);
      }
      const config = image.config.config ?? {};
      const check = healthcheck(flags, config.Healthcheck);
      const request = containerRequest(flags, config, command, io);
      if (flags.tty) needTerminal(io, flags.interactive);
      const container = createContainer(
        store,
        {
          image: name,
          imageId: image.id,
          manifest: image.descriptor,
          detached: flags.detach,
          autoRemove: flags.rm || !flags.detach,
          ports: flags.publish,
          ...stopping(flags, config),
          ...(check === undefined ? {} : { healthcheck: check }),
          request,
        },
        flags.name,
      );
      if (flags.detach) return await detach(store, container.id, io);
      return await runInForeground(store, container, io, {
        fetch: fetcher(store, io, image),
        started: () => started(container.id),
      });
    };
    const once = (started: (id: string) => void = () => {}) =>
      useStore(io, (store, endLease) =>
        start(store, (id) => {
          // Pruning must not wait for the container's end.
          endLease();
          started(id);
        }),
      );
    try {
      if (flags.watch) return await (await import('../watch-image.ts')).runEachBuild(name, io, once);
      return await once();
    } catch (error) {
      throw error instanceof JettisonError && error.exitCode !== EXIT.usage
        ? error.with({ exitCode: EXIT_NOT_RUN })
        : error;
    }
  },
});

export const command: Command = {
  ...foreground,
  run(args, io) {
    closeInherited();
    return args[0] === SUPERVISE && args[1] !== undefined
      ? supervisor(args[1], io)
      : foreground.run(args, io);
  },
};
