import { parseArgs } from 'node:util';
import { EXIT, JettisonError } from '../../errors/error.ts';
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
import { openStore, type Store } from '../../store/store.ts';
import type { Command, Io } from '../command.ts';
import { splitArguments } from '../flags/own-arguments.ts';
import {
  capabilityNote,
  containerRequest,
  healthcheck,
  options,
  portNote,
  stopping,
  USAGE,
} from '../flags/run-flags.ts';
import { findOrPull } from '../pull-image.ts';
import { usageError } from '../usage.ts';

const help = `Usage: jettison run [OPTIONS] IMAGE [COMMAND] [ARG...]

Runs an image, pulled if the store lacks it, and throws away what it changed. Signals go to the command; the exit code is the
command's, 125 if it could not be run, 126 if it is not executable, 127 if it is missing.

Options:
      --add-host NAME:ADDRESS  Add a line to /etc/hosts
      --cap-add CAPABILITY     Add a capability to Docker's default ones, or ALL
      --cap-drop CAPABILITY    Take one away, or ALL
      --cpus NUMBER            How much of the processors' time it may use
  -d, --detach                 Run in the background and print the container's id; see ps, logs, stop
  -e, --env NAME[=VALUE]       Set a variable, or hand over one of this shell's
      --env-file FILE          Set the variables of a file, one a line
      --entrypoint COMMAND     Replace the image's ENTRYPOINT, and drop its CMD
      --hardened               --read-only --cap-drop ALL --security-opt no-new-privileges --tmpfs /tmp
      --health-cmd COMMAND     Check the health with this command
      --health-interval TIME   Time between two checks (30s)
      --health-retries NUMBER  Failures in a row that make it unhealthy (3)
      --health-start-interval TIME  Time between two checks in the start period (5s)
      --health-start-period TIME  Time in which failures do not count (0s)
      --health-timeout TIME    How long a check may take (30s)
  -h, --hostname NAME          Host name in the container
      --init                   Accepted for compatibility: an init always runs as PID 1
  -i, --interactive            Let the command read standard input
  -m, --memory SIZE            How much memory it may use, e.g. 512m
      --name NAME              What ps and stop call the container
      --network NETWORK        host, none, or private (which takes pasta or slirp4netns)
      --no-healthcheck         Do not check the health
      --pids-limit NUMBER      How many processes and threads it may have
  -p, --publish [HOST:]PORT    Publish a port of a private network; without pasta or slirp4netns the network is
                               this machine's, and ports need no publishing
      --pull POLICY            Pull the image: missing (the default), always or never
      --read-only              The root file system cannot be changed; the image's volumes can
      --shm-size SIZE          Size of /dev/shm (64m)
      --rm                     Forget the container when it ends; in the foreground always so
      --security-opt OPTION    no-new-privileges; seccomp=builtin (the default where it can be set: Docker's
                               filter of system calls), seccomp=PROFILE or seccomp=unconfined
      --stop-signal SIGNAL     What stop sends
      --stop-timeout SECONDS   How long stop waits before it kills (10)
      --tmpfs PATH[:OPTIONS]   An empty folder in memory, e.g. /run:size=64m,mode=755
  -t, --tty                    Give the command a terminal of its own, shown on this one
      --ulimit NAME=SOFT[:HARD]  A limit of its processes, e.g. nofile=1024:4096
  -u, --user USER[:GROUP]      Names or numbers
  -v, --volume SOURCE:TARGET[:ro]  Show a folder or file of this machine in the container
  -w, --workdir DIR            Working directory

Examples:
  jettison run --rm -p 3000:3000 app
  jettison run -d --name api --hardened app && jettison logs -f api
  jettison run -it --entrypoint sh app
`;

/** What `docker run` answers when it was not the command that failed. */
const EXIT_NOT_RUN = 125;

async function run(args: string[], io: Io): Promise<number> {
  closeInherited();
  if (args[0] === SUPERVISE && args[1] !== undefined) return supervisor(args[1], io);
  const { own, first: name, rest: command } = splitArguments(args, options);
  const { values: flags } = parseArgs({ args: own, options });
  if (name === undefined) throw usageError('run needs an image', USAGE);
  if (flags.detach && (flags.tty || flags.interactive)) {
    throw usageError(
      'a command in the background has neither a terminal nor standard input',
      'leave -d or -it out',
    );
  }
  const note = portNote(flags);
  if (note !== undefined) io.stderr.write(`${note}\n`);
  const warning = capabilityNote(flags);
  if (warning !== undefined) io.stderr.write(`${warning}\n`);

  const store = openStore({ env: io.env });
  // Only while it starts: pruning must not wait for as long as a container runs.
  const end = await store.leases.use(io.signal);
  try {
    const image = await findOrPull(store, name, flags.pull, io);
    if (matchPlatform(hostPlatform(), image.config) === 0) {
      const [theirs, ours] = [formatPlatform(image.config), formatPlatform(hostPlatform())];
      io.stderr.write(`warning: ${name} is for ${theirs}, and this machine is ${ours}\n`);
    }
    const config = image.config.config ?? {};
    const check = healthcheck(flags, config.Healthcheck);
    const request = containerRequest(flags, config, command, io);
    if (flags.tty) needTerminal(io, flags.interactive === true);
    const container = createContainer(
      store,
      {
        image: name,
        imageId: image.id,
        manifest: image.descriptor,
        detached: flags.detach === true,
        autoRemove: flags.rm === true || flags.detach !== true,
        ports: flags.publish ?? [],
        ...stopping(flags, config),
        ...(check === undefined ? {} : { healthcheck: check }),
        request,
      },
      flags.name,
    );
    if (flags.detach) return await detach(store, container.id, io);
    return await runInForeground(store, container, io, { fetch: fetcher(store, io, image), started: end });
  } catch (error) {
    throw error instanceof JettisonError && error.exitCode !== EXIT.usage ? notRun(error) : error;
  } finally {
    end();
    store.close();
  }
}

async function detach(store: Store, id: string, io: Io): Promise<number> {
  const exitCode = await runDetached(store, id, io.env);
  io.stdout.write(`${id}\n`);
  if (exitCode === undefined) return 0;
  // It ended at once, most likely since its command is missing: what it said explains it.
  for (const { data } of new LogReader(logPath(store, id)).read()) io.stderr.write(data);
  return exitCode;
}

/** The process that looks after a detached container. */
async function supervisor(id: string, io: Io): Promise<number> {
  const store = openStore({ env: io.env });
  const end = await store.leases.use();
  try {
    const { manifest } = store.containers.get(id)!.config;
    const fetch = fetcher(store, io, readImage(store, manifest));
    return await superviseDetached(store, id, { fetch, started: end });
  } finally {
    end();
    store.close();
  }
}

function fetcher(
  store: Store,
  io: Io,
  image: Parameters<typeof fetchMissing>[1][number],
): () => Promise<void> {
  return async () => {
    const { Registries } = await import('../../registry/registries.ts');
    await fetchMissing(store, [image], async () => new Registries({ env: io.env, signal: io.signal }));
  };
}

function notRun({ code, message, hint }: JettisonError): JettisonError {
  return new JettisonError(code, message, {
    exitCode: EXIT_NOT_RUN,
    ...(hint === undefined ? {} : { hint }),
  });
}

export const command: Command = { ownsSignals: true, help, run };
