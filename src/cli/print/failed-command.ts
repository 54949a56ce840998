import { parseArgs } from 'node:util';
import type { JettisonError } from '../../errors/error.ts';
import type { FailedCommand } from '../../store/failures.ts';
import { BUILD_OPTIONS } from '../flags/build-flags.ts';

/** Options that have a say in what a step is, or in what it gets. Those that say what becomes of the image have not. */
const KEPT = new Set<string>(
  (
    [
      'add-host',
      'allow',
      'build-arg',
      'build-context',
      'cache-from',
      'cpus',
      'file',
      'isolation',
      'memory',
      'network',
      'pids-limit',
      'platform',
      'registry-insecure',
      'reproducible',
      'secret',
      'shm-size',
      'ssh',
      'target',
      'ulimit',
    ] satisfies (keyof typeof BUILD_OPTIONS)[]
  ).map((name) => name),
);

/** What of the arguments of a build may be written down, so that `jettison debug` need not be given them again. */
export function failedCommand(args: readonly string[], directory: string): FailedCommand {
  const { tokens } = parseArgs({
    args: [...args],
    options: BUILD_OPTIONS,
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const command: FailedCommand = { directory, args: [], withheld: [] };
  for (const token of tokens) {
    if (token.kind === 'positional') {
      if (isSecretUrl(token.value)) command.withheld.push('PATH');
      else command.args.push(token.value);
    } else if (token.kind === 'option' && KEPT.has(token.name)) {
      const { name, value } = token;
      if (value === undefined) command.args.push(`--${name}`);
      else if (isWithheld(name, value)) command.withheld.push(`--${name} ${value.split('=')[0]}=…`);
      else command.args.push(`--${name}=${value}`);
    }
  }
  return command;
}

/** The values of build arguments, and what leads to a place with a password, are in no record. */
function isWithheld(name: string, value: string): boolean {
  if (name === 'build-arg') return value.includes('=');
  return name === 'build-context' && isSecretUrl(value.slice(value.indexOf('=') + 1));
}

function isSecretUrl(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\/([^/]*@|.*\?)/i.test(text);
}

/** What to type to get to where a build has failed. */
export function debugHint({ withheld }: FailedCommand): string {
  return `\`${['jettison debug', ...withheld].join(' ')}\` opens a shell there, with what the command left.`;
}

/** An error with one more hint. */
export function withHint(error: JettisonError, hint: string): JettisonError {
  return error.with({ hint: error.hint === undefined ? hint : `${error.hint}\n${hint}` });
}
