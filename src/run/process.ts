import { JettisonError } from '../errors/error.ts';
import type { RuntimeConfig } from '../image/types.ts';

/** Options of `run` that override the image's config. */
export interface ProcessOptions {
  /** Replaces the image's CMD; empty keeps it. */
  command: readonly string[];
  /** Replaces the image's ENTRYPOINT and drops its CMD; the empty string only drops both. */
  entrypoint?: string;
  /** `K=V`, overriding the image's. */
  env: readonly string[];
  user?: string;
  cwd?: string;
}

/** The process to run: see `ExecRequest.process`. */
export interface RunProcess {
  args: string[];
  env: string[];
  cwd: string;
  user: string;
}

/**
 * The process of a container, from the image's config and the options of the command line, as `docker run`
 * combines them.
 *
 * @param hostname value of HOSTNAME
 * @param terminal whether the command gets a terminal, and TERM
 * @throws JettisonError `NO_COMMAND` when neither the image nor the options say what to run
 */
export function runProcess(
  config: RuntimeConfig,
  options: ProcessOptions,
  hostname: string,
  terminal: boolean,
): RunProcess {
  const { command, entrypoint } = options;
  const isReplaced = entrypoint !== undefined;
  const head = isReplaced ? (entrypoint === '' ? [] : [entrypoint]) : (config.Entrypoint ?? []);
  const tail = command.length > 0 ? command : isReplaced ? [] : (config.Cmd ?? []);
  const args = [...head, ...tail];
  if (args.length === 0) {
    throw new JettisonError(
      'NO_COMMAND',
      'the image has neither ENTRYPOINT nor CMD, and no command was given',
      {
        hint: 'Write the command after the image: jettison run IMAGE COMMAND.',
      },
    );
  }
  return {
    args,
    env: [`HOSTNAME=${hostname}`, ...(terminal ? ['TERM=xterm'] : []), ...(config.Env ?? []), ...options.env],
    cwd: options.cwd ?? (config.WorkingDir || '/'),
    user: options.user ?? config.User ?? '',
  };
}
