import { Readable } from 'node:stream';
import { debug } from '../../build/debug.ts';
import { EXIT, JettisonError, usageError } from '../../errors/error.ts';
import { renderError } from '../../errors/render.ts';
import { wantsColor } from '../../errors/style.ts';
import { createRenderer } from '../../events/create-renderer.ts';
import type { BuildEvent } from '../../events/event.ts';
import type { Renderer } from '../../events/renderer.ts';
import { listFailures } from '../../store/failures.ts';
import { openStore } from '../../store/store.ts';
import type { Command, Io } from '../command.ts';
import { isShell, type Looking, lookAround, needTerminalFor } from '../debug-shell.ts';
import { type FlagTable, type GivenFlag, readArguments, valuesOf } from '../flag.ts';
import { BUILD_FLAGS, parseBuildCommand } from '../flags/build-flags.ts';
import { failedCommand } from '../print/failed-command.ts';

const USAGE = 'jettison debug [OPTIONS] [PATH|URL|-] [-- COMMAND [ARG...]]';

const OWN = {
  after: { help: 'After the RUN that --at names, instead of before it' },
  at: {
    value: 'WHERE',
    help: 'Stop at this RUN instead: its line in the Dockerfile, FILE:LINE, or the name that progress shows: build/3',
  },
  command: { short: 'c', value: 'TEXT', help: 'Run this shell command instead of opening a shell' },
} as const satisfies FlagTable;

const HINT = `Usage: ${USAGE}`;

async function run(args: string[], io: Io): Promise<number> {
  const { build, looking, at, after } = splitFlags(args, io);
  const { options, progress, call } = parseBuildCommand(build, io, HINT);
  if (call !== undefined) throw usageError('debug has neither --check nor --call', HINT);
  if (after && at === undefined) throw usageError('--after needs --at', HINT);
  needTerminalFor(looking, io);

  const stdin = options.stdin === undefined ? [] : await readAll(options.stdin);
  const renderer = await createRenderer(progress, io.stderr, {
    color: wantsColor(io.stderr, io.env),
    env: io.env,
  });
  const patient = new PatientRenderer(renderer);
  try {
    return await debug(
      {
        ...options,
        // Read twice: the build may have to be planned again.
        get stdin() {
          return Readable.from(stdin);
        },
        command: failedCommand(build, io.cwd),
        ...(at === undefined ? {} : { at, after }),
        onEvent: (event) => patient.handle(event),
        onFailure: (error) => {
          patient.end();
          // The shell's greeting includes it.
          if (isShell(looking)) return;
          io.stderr.write(`${renderError(error, { color: wantsColor(io.stderr, io.env) })}\n`);
        },
      },
      (stop) => {
        patient.end();
        return lookAround(stop, looking, io);
      },
    );
  } finally {
    patient.end();
  }
}

/** Splits the command line into the flags of debug and those of the build. */
function splitFlags(
  args: string[],
  io: Io,
): { build: string[]; looking: Looking; at: string | undefined; after: boolean } {
  const end = args.indexOf('--');
  const before = end < 0 ? args : args.slice(0, end);
  const { given, args: paths } = readArguments({ ...BUILD_FLAGS, ...OWN }, before, { usage: HINT });
  const isOwn = ({ name }: GivenFlag) => Object.hasOwn(OWN, name);
  const values = valuesOf(OWN, given.filter(isOwn), io);
  const build = given.filter((flag) => !isOwn(flag)).map(({ name, value }) => `--${name}=${value}`);
  const command = end < 0 ? undefined : args.slice(end + 1);
  if (command?.length === 0) throw usageError('missing command after --', HINT);
  if (command !== undefined && values.command !== undefined) {
    throw usageError('-c and -- contradict each other', 'Use one of them.');
  }
  return {
    build: paths.length > 0 ? [...build, ...paths] : [...rememberedArguments(build, io), ...build],
    looking: {
      ...(values.command === undefined ? {} : { command: values.command }),
      ...(command === undefined ? {} : { args: command }),
    },
    at: values.at,
    after: values.after,
  };
}

/**
 * The arguments of the last build that failed in this directory.
 *
 * @param given the flags of this command line: values that were withheld may be among them
 * @throws JettisonError `DEBUG_NO_FAILURE`, `DEBUG_WITHHELD`
 */
function rememberedArguments(given: readonly string[], io: Io): string[] {
  const store = openStore({ env: io.env });
  const failures = listFailures(store.layout);
  store.close();
  const last = failures.find(({ command }) => command?.directory === io.cwd)?.command;
  if (last === undefined) {
    const other = failures.find(({ command }) => command !== undefined)?.command?.directory;
    throw new JettisonError('DEBUG_NO_FAILURE', 'no build of this directory has failed recently', {
      hint: `Name the context: jettison debug PATH.${other === undefined ? '' : ` A build of ${other} has failed.`}`,
      exitCode: EXIT.usage,
    });
  }
  const missing = last.withheld.filter((what) => {
    const flag = what.replace(' ', '=').replace(/=…$/, '');
    return !given.some((arg) => arg === flag || arg.startsWith(`${flag}=`));
  });
  if (missing.length > 0) {
    throw new JettisonError(
      'DEBUG_WITHHELD',
      `the build was given ${missing.join(' and ')}, whose values are not recorded`,
      { hint: `Give it again: jettison debug ${missing.join(' ')}`, exitCode: EXIT.usage },
    );
  }
  return last.args;
}

async function readAll(stream: AsyncIterable<Uint8Array | string>): Promise<(Uint8Array | string)[]> {
  const chunks: (Uint8Array | string)[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

/** Progress is held back for this long, since a build that is cached up to its place ends sooner. */
const PATIENCE_MS = 800;

/** A renderer that shows nothing of a build in which every step is cached. */
class PatientRenderer implements Renderer {
  #held: BuildEvent[] | undefined = [];
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  readonly #renderer: Renderer;

  constructor(renderer: Renderer) {
    this.#renderer = renderer;
  }

  handle(event: BuildEvent): void {
    if (this.#ended) return;
    if (this.#held === undefined) {
      this.#renderer.handle(event);
      return;
    }
    this.#held.push(event);
    this.#timer ??= setTimeout(() => this.#show(), PATIENCE_MS);
    if (event.type === 'step.output' || event.type === 'warning' || hasFailed(event)) this.#show();
  }

  end(): void {
    clearTimeout(this.#timer);
    if (this.#held === undefined) this.#renderer.end();
    this.#ended = true;
  }

  #show(): void {
    clearTimeout(this.#timer);
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const event of held) this.#renderer.handle(event);
  }
}

function hasFailed(event: BuildEvent): boolean {
  return event.type === 'step.finished' && event.outcome === 'failed';
}

export const command: Command = {
  usage: USAGE,
  about: `Opens a shell where a build fails: on the files as the failed RUN left them, with its mounts, secrets, network,
environment, user and directory. Without PATH it takes the last build that failed in this directory, with the options
that it had. Changes made in the shell are discarded.`,
  flags: OWN,
  moreFlags: BUILD_FLAGS,
  notes: `All options of \`jettison build\` are accepted, too; those about the resulting image have no effect. Values of
build arguments are not recorded: give them again.

The shell is that of the RUN, else /bin/sh, else busybox of this machine; \`again\` runs the step's command in it.

Exit codes: the command's or the shell's; 1 the build failed elsewhere, 2 the command line is wrong.`,
  examples: [
    'jettison debug',
    'jettison debug --at Dockerfile:7 .',
    "jettison debug --target test -c 'cat /tmp/*.log' .",
  ],
  run,
};
