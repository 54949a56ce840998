import { spawn } from 'node:child_process';
import { CapturedOutput } from './captured-output.ts';
import type { CheckedCommand } from './probe-result.ts';

/**
 * Runs a shell command on this machine, in a process group of its own, which is killed when the time is over.
 *
 * @param env the whole environment
 * @returns exit code -1 if it was killed or could not run
 */
export function runOnHost(
  command: string,
  options: { cwd: string; env: NodeJS.ProcessEnv; timeoutMs: number; signal?: AbortSignal | undefined },
): Promise<CheckedCommand> {
  const { cwd, env, timeoutMs, signal } = options;
  const output = new CapturedOutput();
  return new Promise((resolve) => {
    const child = spawn('/bin/sh', ['-c', command], {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const end = (exitCode: number, last = '') => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', kill);
      output.add(Buffer.from(last));
      resolve({ command, exitCode, output: output.get().text });
    };
    const killGroup = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended.
      }
    };
    const kill = (): void => {
      killGroup();
      end(-1, 'interrupted\n');
    };
    const timer = setTimeout(() => {
      killGroup();
      end(-1, `the command took longer than ${timeoutMs / 1000} s\n`);
    }, timeoutMs);
    signal?.addEventListener('abort', kill, { once: true });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data: Buffer) => output.add(data));
    }
    child.once('error', ({ message }) => end(-1, message));
    child.once('exit', (code) => {
      // Processes that it left in the background end, too.
      setImmediate(() => {
        killGroup();
        end(code ?? -1);
      });
    });
  });
}
