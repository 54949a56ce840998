import { closest } from '../errors/closest.ts';
import type { JettisonError } from '../errors/error.ts';
import { usageError } from '../errors/usage.ts';

/** The commands here of Docker's groups of commands. */
const DOCKER_GROUPS: Record<string, string> = {
  image: 'images, inspect, history, tag, rmi, pull, push, save, load and prune',
  container: 'ps, run, inspect, logs, exec, stop, kill and rm',
  system: 'du (as `docker system df`), prune and doctor',
  buildx: 'build, du and builder prune',
};

/** Docker's plug-ins and other programs, with the nearest command here. */
const ELSEWHERE: Record<string, string> = {
  scout: 'There is no scanner here: `jettison save IMAGE -o FILE` writes an archive that scanners read.',
  scan: 'There is no scanner here: `jettison save IMAGE -o FILE` writes an archive that scanners read.',
  sbom: 'There is no list of packages here: `jettison save IMAGE -o FILE` writes an archive that such tools read.',
  dive: '`jettison explore IMAGE` looks into an image with the keys of dive.',
};

/** For a command that does not exist: names the nearest that does. */
export function unknownCommand(name: string, names: readonly string[]): JettisonError {
  const group = Object.hasOwn(DOCKER_GROUPS, name) ? DOCKER_GROUPS[name] : undefined;
  if (group !== undefined) {
    return usageError(
      `unknown command "${name}"`,
      `Docker's commands of this group are commands here: ${group}.`,
    );
  }
  const elsewhere = Object.hasOwn(ELSEWHERE, name) ? ELSEWHERE[name] : undefined;
  if (elsewhere !== undefined) return usageError(`unknown command "${name}"`, elsewhere);
  const meant = closest(name, names);
  const hint = meant === undefined ? 'See `jettison --help`.' : `Did you mean \`jettison ${meant}\`?`;
  return usageError(
    name.startsWith('-') ? `unknown option ${name} before a command` : `unknown command "${name}"`,
    hint,
  );
}

/** For a flag that a command does not have: names the nearest that it has. @param flag as it was written */
export function unknownFlag(flag: string, known: Record<string, unknown>, usage: string): JettisonError {
  const names = Object.keys(known).map((name) => `--${name}`);
  const meant = flag.startsWith('--') ? closest(flag, names) : undefined;
  return usageError(`unknown option ${flag}`, meant === undefined ? usage : `Did you mean ${meant}?`);
}
