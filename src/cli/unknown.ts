import { closest } from '../errors/closest.ts';
import type { JettisonError } from '../errors/error.ts';
import { usageError } from '../errors/error.ts';

/** Docker's command groups, with the commands here that replace them. */
const DOCKER_GROUPS: Record<string, string> = {
  image: 'images, inspect, history, tag, rmi, pull, push, save, load and prune',
  container: 'ps, run, inspect, logs, exec, stop, kill and rm',
  system: 'du (as `docker system df`), prune and doctor',
  buildx: 'build, du, and builder ls, inspect, check and prune',
};

/** Docker's plug-ins and other tools, with the nearest command here. */
const ELSEWHERE: Record<string, string> = {
  scout: '`jettison scan IMAGE` looks for known vulnerabilities, and says what removes them.',
  gitleaks:
    '`jettison secrets IMAGE` looks for passwords, tokens and keys in all layers, config and history.',
  trufflehog:
    '`jettison secrets IMAGE` looks for passwords, tokens and keys in all layers, config and history.',
  nixpacks: '`jettison init` writes a Dockerfile for a project, builds the image and tries it.',
  pack: '`jettison init` writes a Dockerfile for a project, builds the image and tries it.',
  dive: '`jettison explore IMAGE` shows layers, files and wasted bytes, with the keys of dive.',
};

/** The error for an unknown command, with the closest name as its hint. */
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

/** The error for an unknown flag, with the closest name as its hint. @param flag as it was written */
export function unknownFlag(flag: string, known: Record<string, unknown>, usage: string): JettisonError {
  const names = Object.keys(known).map((name) => `--${name}`);
  const meant = flag.startsWith('--') ? closest(flag, names) : undefined;
  return usageError(`unknown option ${flag}`, meant === undefined ? usage : `Did you mean ${meant}?`);
}
