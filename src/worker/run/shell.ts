import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { JettisonError } from '../../errors/error.ts';
import { quote } from '../../fields/shell-quote.ts';
import { findUnstartable } from '../../launch/command-lookup.ts';
import { completeEnvironment, type Environment, variable } from '../../launch/environment.ts';
import type { Tree } from '../../layer/tree.ts';
import { findTool } from '../../machine/tools.ts';
import type { ExecRequest, ShellRequest } from '../../protocol/exec-request.ts';
import { temporaryPath } from '../../store/temporary.ts';
import type { WorkerContext } from '../worker-context.ts';

/** The shell's own files while it runs. Nothing below /dev belongs to the image. */
const PLACE = '/dev/.jettison';
/** The type of the ELF header that names a program's loader. */
const INTERPRETER = 3;
/** Shells that read the file that `ENV` names when they are interactive. */
const POSIX = new Set(['sh', 'ash', 'dash', 'ksh', 'mksh']);

/**
 * The request with a shell as its command: one of the image, else the machine's busybox, which is mounted below /dev
 * with its programs at the end of PATH.
 *
 * @throws JettisonError `NO_SHELL` when there is neither
 */
export function withShell(
  ctx: WorkerContext,
  tree: Tree,
  request: ExecRequest,
  { candidates, command, startup }: ShellRequest,
): ExecRequest {
  const { process } = request;
  const { env, cwd } = process;
  const environment = completeEnvironment(env, '/');
  const found = candidates.find(
    ([program]) => findUnstartable(tree, program!, environment, cwd) === undefined,
  );
  if (found !== undefined && command !== undefined) {
    return { ...request, init: true, process: { ...process, args: [...found, '-c', command] } };
  }
  const folder = temporaryPath(ctx.layout, 'shell');
  mkdirSync(folder);
  chmodSync(folder, 0o755);
  const own = found === undefined ? takeBusybox(folder, env) : { line: found, env: [] };
  const rc = `${PLACE}/startup`;
  const lent =
    found === undefined ? `echo 'The image has no shell: this is busybox of this machine.' >&2\n` : '';
  writeFileSync(join(folder, 'startup'), restored(environment) + lent + startup, { mode: 0o644 });
  const interactive = startupOf(own.line, rc);
  const args = command === undefined ? interactive.args : [...own.line, '-c', command];
  return {
    ...request,
    init: true,
    mounts: [...request.mounts, { type: 'bind', target: PLACE, source: folder, readonly: true }],
    process: {
      ...process,
      args,
      env: [...env, ...own.env, ...(command === undefined ? interactive.env : [])],
    },
  };
}

/** Arguments and variables that make a shell read a start-up file. Empty for unknown shells. */
function startupOf(line: string[], rc: string): { args: string[]; env: string[] } {
  // Without options for scripts (-e, -o pipefail), which would end the shell at the first failing command.
  const options = line.findIndex((word) => word.startsWith('-'));
  const program = options < 0 ? line : line.slice(0, options);
  const name = basename(program.at(-1)!);
  if (name === 'bash') return { args: [...program, '--rcfile', rc, '-i'], env: [] };
  return { args: [...program, '-i'], env: POSIX.has(name) ? [`ENV=${rc}`] : [] };
}

/** Shell commands that set `ENV` back to the image's value, for programs that the shell starts. */
function restored(environment: Environment): string {
  const own = variable(environment, 'ENV');
  return own === undefined ? 'unset ENV\n' : `ENV=${quote(own)}\n`;
}

/** Busybox with a link for each of its programs. */
function takeBusybox(folder: string, given: string[]): { line: string[]; env: string[] } {
  const busybox = findTool('busybox');
  if (busybox === undefined || !isStatic(busybox)) {
    throw new JettisonError('NO_SHELL', 'neither the image nor this machine has a shell that can run here', {
      hint: 'Install the package busybox-static, or name a program of the image: jettison debug -- PROGRAM.',
    });
  }
  copyFileSync(busybox, join(folder, 'busybox'));
  chmodSync(join(folder, 'busybox'), 0o755);
  mkdirSync(join(folder, 'bin'));
  for (const name of execFileSync(busybox, ['--list'], { encoding: 'utf8' }).trim().split('\n')) {
    symlinkSync('../busybox', join(folder, 'bin', name));
  }
  const path = variable(completeEnvironment(given, '/'), 'PATH');
  return { line: [`${PLACE}/bin/sh`], env: [`PATH=${path}:${PLACE}/bin`] };
}

/** Whether a program is statically linked: its ELF headers name no loader. */
function isStatic(path: string): boolean {
  const fd = openSync(path, 'r');
  try {
    const head = Buffer.alloc(4096);
    readSync(fd, head, 0, head.length, 0);
    const wide = head[4] === 2;
    const [at, size, count] = wide
      ? [Number(head.readBigUInt64LE(32)), head.readUInt16LE(54), head.readUInt16LE(56)]
      : [head.readUInt32LE(28), head.readUInt16LE(42), head.readUInt16LE(44)];
    for (let i = 0; i < count; i++) if (head.readUInt32LE(at + i * size) === INTERPRETER) return false;
    return true;
  } finally {
    closeSync(fd);
  }
}
