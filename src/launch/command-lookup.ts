import { JettisonError } from '../errors/error.ts';
import { resolvePath, type Tree } from '../layer/tree.ts';
import { type Environment, variable } from './environment.ts';

/** A command that cannot be started, with the exit code and message that a container engine gives it. */
export interface Unstartable {
  exitCode: 126 | 127;
  message: string;
}

/**
 * Looks for a command as execvp(3) will, but inside the root.
 *
 * @param cwd absolute path inside the root
 * @returns undefined when it is there and executable
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
/** A quarter of the usual limit of a stack, less what the program itself needs. */
const MAX_TOTAL = (2 << 20) - PAGE;

/** Whether the kernel refuses to start a program with these arguments and variables. */
export function isTooLong(strings: readonly string[]): boolean {
  const sizes = strings.map((text) => Buffer.byteLength(text) + 1);
  return (
    sizes.some((size) => size > MAX_STRING) ||
    sizes.reduce((sum, size) => sum + size + POINTER, 0) > MAX_TOTAL
  );
}

/** The error for a command of which that is so. */
export function tooLong(): JettisonError {
  return new JettisonError(
    'RUN_TOO_LONG',
    'the command and its environment are longer than the kernel takes',
    { hint: 'COPY a script into the image and run that; a single argument may have 128 KiB.' },
  );
}
