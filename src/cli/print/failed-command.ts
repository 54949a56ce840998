import type { JettisonError } from '../../errors/error.ts';
import { withoutCredentials } from '../../errors/safe-text.ts';
import type { FailedCommand } from '../../store/failures.ts';
import { type Flag, readArguments } from '../flag.ts';
import { BUILD_FLAGS, isSecretUrl } from '../flags/build-flags.ts';

/**
 * The part of a build's command line that is stored with a failed step, for `jettison debug`: the context and the flags
 * that affect steps, without secrets.
 */
export function failedCommand(line: readonly string[], directory: string): FailedCommand {
  const { given, args } = readArguments(BUILD_FLAGS, line, { usage: '' });
  const command: FailedCommand = { directory, args: [], withheld: [] };
  for (const { name, value } of given) {
    const { affects, withheld }: Flag = BUILD_FLAGS[name as keyof typeof BUILD_FLAGS];
    if (affects !== 'steps') continue;
    const shown = typeof value === 'string' ? withheld?.(value) : undefined;
    if (shown !== undefined) command.withheld.push(`--${name} ${shown}=…`);
    else command.args.push(value === true ? `--${name}` : `--${name}=${value}`);
  }
  for (const arg of args) {
    if (isSecretUrl(arg)) command.withheld.push('PATH');
    else command.args.push(arg);
  }
  return command;
}

/** All arguments of a build's command line, for the builds on record: of flags whose values are withheld, their names. */
export function recordedLine(line: readonly string[]): string[] {
  const { given, args } = readArguments(BUILD_FLAGS, line, { usage: '' });
  const flags = given.map(({ name, value }) => {
    const { withheld }: Flag = BUILD_FLAGS[name as keyof typeof BUILD_FLAGS];
    const shown = typeof value === 'string' ? withheld?.(value) : undefined;
    if (shown !== undefined) return `--${name}=${shown}=…`;
    return value === true ? `--${name}` : `--${name}=${withoutCredentials(String(value))}`;
  });
  return [...flags, ...args.map(withoutCredentials)];
}

/** The hint of a failed build: the command that opens a shell there. */
export function debugHint({ withheld }: FailedCommand): string {
  return `\`${['jettison debug', ...withheld].join(' ')}\` opens a shell there, with what the command left.`;
}

/** An error with one more hint. */
export function withHint(error: JettisonError, hint: string): JettisonError {
  return error.with({ hint: error.hint === undefined ? hint : `${error.hint}\n${hint}` });
}
