import { execFileSync } from 'node:child_process';
import { JettisonError } from '../errors/error.ts';
import { startWorker } from '../worker/client.ts';
import type { ExecRequest } from '../worker/protocol.ts';
import type { RungChoice } from '../worker/rung.ts';
import type { RunStreams } from './foreground.ts';
import { forwardSignals } from './signals.ts';

/**
 * Runs a command that belongs to no container in the foreground, and throws away what it changes.
 *
 * @param where.rung that of the worker which made what the command stands on
 * @param request.stdio `inherit`: it gets this process's terminal, which is afterwards as it was
 * @returns the command's exit code
 * @throws JettisonError when it could not be run at all
 */
export async function visit(
  where: { home: string; rung?: RungChoice },
  request: ExecRequest,
  streams: RunStreams,
): Promise<number> {
  const onTerminal = request.stdio === 'inherit';
  const giveUp = new AbortController();
  const kill = () => giveUp.abort(new JettisonError('INTERRUPTED', 'the shell was killed'));
  const settings = onTerminal ? terminalSettings() : undefined;
  const worker = await startWorker({ ...where, inherit: true });
  const stopForwarding = forwardSignals(
    onTerminal || streams.stdin.isTTY === true,
    // A shell that has the terminal does not listen to SIGTERM.
    (signal) => (onTerminal && signal === 'SIGTERM' ? kill() : worker.kill(signal)),
    kill,
  );
  try {
    const { exitCode } = await worker.exec(request, {
      signal: giveUp.signal,
      onOutput: ({ stream, data }) =>
        new Promise((resolve) => {
          streams[stream].write(data, () => resolve());
        }),
      onStarted: ({ problems }) => {
        for (const problem of problems) streams.stderr.write(`note: ${problem}\n`);
      },
    });
    return exitCode;
  } finally {
    stopForwarding();
    await worker.close();
    if (settings !== undefined) stty(settings);
  }
}

/** What a program that is killed may leave changed; undefined where nobody can tell. */
function terminalSettings(): string | undefined {
  return stty('-g')?.trim();
}

function stty(argument: string): string | undefined {
  try {
    return execFileSync('stty', [argument], { stdio: ['inherit', 'pipe', 'ignore'], encoding: 'utf8' });
  } catch {
    return undefined;
  }
}
