import { Readable } from 'node:stream';
import { parseArgs } from 'node:util';
import { debug } from '../../build/debug.ts';
import { EXIT, JettisonError } from '../../errors/error.ts';
import { renderError } from '../../errors/render.ts';
import { wantsColor } from '../../errors/style.ts';
import { createRenderer } from '../../events/create-renderer.ts';
import type { BuildEvent } from '../../events/event.ts';
import type { Renderer } from '../../events/renderer.ts';
import { listFailures } from '../../store/failures.ts';
import { openStore } from '../../store/store.ts';
import type { Command, Io } from '../command.ts';
import { isShell, type Looking, lookAround, needTerminalFor } from '../debug-shell.ts';
import { BUILD_OPTIONS, parseBuildFlags } from '../flags/build-flags.ts';
import { buildOptions } from '../flags/build-options.ts';
import { failedCommand } from '../print/failed-command.ts';
import { usageError } from '../usage.ts';

const help = `Usage: jettison debug [OPTIONS] [PATH|URL|-] [-- COMMAND [ARG...]]

Opens a shell where a build fails: on what the failed RUN had changed by then, with its mounts, secrets, network,
environment, user and directory. Without PATH the last build that failed in this directory is meant, with the options
that it had. What is done in the shell is thrown away.

Options:
      --after         After the RUN that --at names, instead of before it
      --at WHERE      Stop at this RUN instead: its line in the Dockerfile, FILE:LINE, or what progress calls it, as in
                      build/3
  -c, --command TEXT  Run this shell command instead of opening a shell

All options of \`jettison build\` are known, too. Those that say what becomes of the image mean nothing here. Values of
build arguments are written down nowhere: they have to be given again.

The shell is that of the RUN, else /bin/sh, else busybox of this machine; \`again\` runs the step's command in it.
Exit codes: the command's or the shell's; 1 the build failed elsewhere, 2 the command line is wrong.

Examples:
  jettison debug
  jettison debug --at Dockerfile:7 .
  jettison debug --target test -c 'cat /tmp/*.log' .
`;

const OWN = {
  after: { type: 'boolean' },
  at: { type: 'string' },
  command: { type: 'string', short: 'c' },
} as const;

async function run(args: string[], io: Io): Promise<number> {
  const { build, looking, at, after } = splitFlags(args, io);
  const flags = parseBuildFlags(build, io.env);
  if (flags.call !== undefined) throw usageError('debug has neither --check nor --call', USAGE);
  if (after && at === undefined) throw usageError('--after needs --at', USAGE);
  needTerminalFor(looking, io);

  const stdin = flags.file === '-' || flags.context === '-' ? await readAll(io.stdin) : [];
  const renderer = await createRenderer(flags.progress, io.stderr, {
    color: wantsColor(io.stderr, io.env),
    env: io.env,
  });
  const patient = new PatientRenderer(renderer);
  try {
    return await debug(
      {
        ...buildOptions(flags, io),
        // Whether a stream or not: the build may have to be planned twice.
        get stdin() {
          return Readable.from(stdin);
        },
        command: failedCommand(build, io.cwd),
        ...(at === undefined ? {} : { at, after }),
        onEvent: (event) => patient.handle(event),
        onFailure: (error) => {
          patient.end();
          // Before a shell it is said in short.
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

const USAGE = 'usage: jettison debug [OPTIONS] [PATH|URL|-] [-- COMMAND [ARG...]]';

/** What is debug's own, and what a build is to be told. */
function splitFlags(
  args: string[],
  io: Io,
): { build: string[]; looking: Looking; at: string | undefined; after: boolean } {
  const end = args.indexOf('--');
  const before = end < 0 ? args : args.slice(0, end);
  const { values, tokens } = parseArgs({
    args: before,
    options: { ...BUILD_OPTIONS, ...OWN },
    allowPositionals: true,
    tokens: true,
  });
  const build = tokens.flatMap((token) => {
    if (token.kind === 'positional') return [token.value];
    if (token.kind !== 'option' || Object.hasOwn(OWN, token.name)) return [];
    return [token.value === undefined ? `--${token.name}` : `--${token.name}=${token.value}`];
  });
  const command = end < 0 ? undefined : args.slice(end + 1);
  if (command?.length === 0) throw usageError('-- is followed by no command', USAGE);
  if (command !== undefined && values.command !== undefined) {
    throw usageError('-c and -- both name a command', 'Use one of them.');
  }
  const hasPath = tokens.some(({ kind }) => kind === 'positional');
  return {
    build: hasPath ? build : [...rememberedArguments(build, io), ...build],
    looking: {
      ...(values.command === undefined ? {} : { command: values.command }),
      ...(command === undefined ? {} : { args: command }),
    },
    at: values.at,
    after: values.after ?? false,
  };
}

/**
 * The arguments of the last build that failed in this directory.
 *
 * @param given what takes the place of those that are written down nowhere
 * @throws JettisonError `DEBUG_NO_FAILURE`, `DEBUG_WITHHELD`
 */
function rememberedArguments(given: readonly string[], io: Io): string[] {
  const store = openStore({ env: io.env });
  const failures = listFailures(store.layout);
  store.close();
  const last = failures.find(({ command }) => command?.directory === io.cwd)?.command;
  if (last === undefined) {
    const other = failures.find(({ command }) => command !== undefined)?.command?.directory;
    throw new JettisonError('DEBUG_NO_FAILURE', 'no build of this directory has failed lately', {
      hint: `Say what to build: jettison debug PATH.${other === undefined ? '' : ` One that failed was started in ${other}.`}`,
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
      `the build was given ${missing.join(' and ')}, and that is written down nowhere`,
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

/** Time in which a build that has everything may come to its place without a word. */
const PATIENCE_MS = 800;

/** Shows nothing of a build in which nothing has to be done. */
class PatientRenderer implements Renderer {
  #held: BuildEvent[] | undefined = [];
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(private readonly renderer: Renderer) {}

  handle(event: BuildEvent): void {
    if (this.#ended) return;
    if (this.#held === undefined) {
      this.renderer.handle(event);
      return;
    }
    this.#held.push(event);
    this.#timer ??= setTimeout(() => this.#show(), PATIENCE_MS);
    if (event.type === 'step.output' || event.type === 'warning' || hasFailed(event)) this.#show();
  }

  end(): void {
    clearTimeout(this.#timer);
    if (this.#held === undefined) this.renderer.end();
    this.#ended = true;
  }

  #show(): void {
    clearTimeout(this.#timer);
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const event of held) this.renderer.handle(event);
  }
}

function hasFailed(event: BuildEvent): boolean {
  return event.type === 'step.finished' && event.outcome === 'failed';
}

export const command: Command = { help, run };
