import { closest } from '../errors/closest.ts';
import type { JettisonError } from '../errors/error.ts';
import { usageError } from '../errors/usage.ts';

export { usageError } from '../errors/usage.ts';

/** Where Docker's groups of commands are here. */
const DOCKER_GROUPS: Record<string, string> = {
  image: 'images, inspect, history, tag, rmi, pull, push, save, load and prune',
  container: 'ps, run, inspect, logs, exec, stop, kill and rm',
  system: 'du (as `docker system df`), prune and doctor',
  buildx: 'build, du and builder prune',
};

/** What Docker's plug-ins and other programs do, and what there is of it here. */
const ELSEWHERE: Record<string, string> = {
  scout: 'There is no scanner here: `jettison save IMAGE -o FILE` writes an archive that scanners read.',
  scan: 'There is no scanner here: `jettison save IMAGE -o FILE` writes an archive that scanners read.',
  sbom: 'There is no list of packages here: `jettison save IMAGE -o FILE` writes an archive that such tools read.',
  dive: '`jettison history IMAGE` shows an image layer by layer, `jettison du` what takes room and why.',
};

/** For a command that does not exist: names the nearest that does. */
export function unknownCommand(name: string, names: readonly string[]): JettisonError {
  const group = Object.hasOwn(DOCKER_GROUPS, name) ? DOCKER_GROUPS[name] : undefined;
  if (group !== undefined) {
    return usageError(`there is no command "${name}"`, `What Docker has there are commands here: ${group}.`);
  }
  const elsewhere = Object.hasOwn(ELSEWHERE, name) ? ELSEWHERE[name] : undefined;
  if (elsewhere !== undefined) return usageError(`unknown command "${name}"`, elsewhere);
  const meant = closest(name, names);
  const hint = meant === undefined ? 'See `jettison --help`.' : `Did you mean \`jettison ${meant}\`?`;
  return usageError(
    name.startsWith('-') ? `there is no option ${name} before a command` : `there is no command "${name}"`,
    hint,
  );
}

/**
 * Turns what `parseArgs` of node:util throws into an error for people. The flags that a command has are
 * read from its help text, so that every command gets its "did you mean".
 */
export function fromParseArgs(error: unknown, help: string): JettisonError | undefined {
  if (!(error instanceof TypeError)) return undefined;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === undefined || !code.startsWith('ERR_PARSE_ARGS_')) return undefined;

  if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
    const flag = /'(--?[^']*)'/.exec(message)?.[1] ?? '';
    const meant = flag.startsWith('--') ? closest(flag, new Set(help.match(/--[a-z][a-z-]*/g))) : undefined;
    return usageError(
      `there is no option ${flag}`,
      meant === undefined ? usageLine(help) : `Did you mean ${meant}?`,
    );
  }
  if (code === 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL') {
    const argument = /'([^']*)'/.exec(message)?.[1] ?? '';
    return usageError(`unexpected argument "${argument}"`, usageLine(help));
  }
  // "Option '-f, --file <value>' argument missing", "Option '--quiet' does not take an argument" …
  const first = message.split('\n')[0]!.replace(/\.$/, '').replaceAll("'", '');
  return usageError(first.charAt(0).toLowerCase() + first.slice(1), usageLine(help));
}

function usageLine(help: string): string {
  return /^usage:.*$/im.exec(help)?.[0] ?? 'See --help.';
}
