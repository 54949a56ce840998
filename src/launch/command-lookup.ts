import { JettisonError } from '../errors/error.ts';
import { resolvePath, type Tree } from '../layer/tree.ts';
import { type Environment, variable } from './environment.ts';

/** A command that cannot be started, with the exit code and message of container engines. */
export interface Unstartable {
  exitCode: 126 | 127;
  message: string;
}

/**
 * Looks up a command like execvp(3), but inside the root.
 *
 * @param cwd absolute path inside the root
 * @returns undefined if it exists and is executable
 */
export function findUnstartable(
  tree: Tree,
  command: string,
  environment: Environment,
  cwd: string,
): Unstartable | undefined {
  if (command.includes('/')) {
    const found = look(tree, command.startsWith('/') ? command : `${cwd}/${command}`);
    if (found === 'missing') {
      return { exitCode: 127, message: `exec: "${command}": no such file or directory` };
    }
    return found === 'executable' ? undefined : denied(command);
  }
  let seen = false;
  for (const folder of (variable(environment, 'PATH') ?? '').split(':')) {
    const found = look(tree, `${folder.startsWith('/') ? folder : `${cwd}/${folder}`}/${command}`);
    if (found === 'executable') return undefined;
    if (found === 'denied') seen = true;
  }
  return seen
    ? denied(command)
    : { exitCode: 127, message: `exec: "${command}": executable file not found in $PATH` };
}

function look(tree: Tree, path: string): 'missing' | 'denied' | 'executable' {
  const { entry } = resolvePath(tree, path);
  if (entry === undefined) return 'missing';
  return entry.type === 'file' && (entry.mode & 0o111) !== 0 ? 'executable' : 'denied';
}

function denied(command: string): Unstartable {
  return { exitCode: 126, message: `exec: "${command}": permission denied` };
}

const PAGE = 4096;
const POINTER = 8;
/** Linux's limit for one argument or variable, with its final NUL, in bytes. */
const MAX_STRING = 32 * PAGE;
/** A quarter of the usual stack limit, minus the need of the program itself. */
const MAX_TOTAL = (2 << 20) - PAGE;

/** Whether these arguments and variables exceed the kernel's limits. */
export function isTooLong(strings: readonly string[]): boolean {
  const sizes = strings.map((text) => Buffer.byteLength(text) + 1);
  return (
    sizes.some((size) => size > MAX_STRING) ||
    sizes.reduce((sum, size) => sum + size + POINTER, 0) > MAX_TOTAL
  );
}

/** The error for such a command. */
export function tooLong(): JettisonError {
  return new JettisonError('RUN_TOO_LONG', 'the command and its environment exceed the limit of the kernel', {
    hint: 'COPY a script into the image, and run that. One argument has at most 128 KiB.',
  });
}
