import { JettisonError } from '../errors/error.ts';
import { startWorker } from '../host/client.ts';
import type { ExecRequest } from '../protocol/exec-request.ts';
import type { RungChoice } from '../protocol/rung.ts';
import { forwardSignals } from './signals.ts';
import { type RunStreams, typeInto } from './terminal.ts';

/**
 * Runs a command outside any container in the foreground, and discards its changes. For `jettison debug`.
 *
 * @param where.rung rung of the worker that made the layers
 * @param request.terminal connects the command's terminal to this process's
 * @returns the command's exit code
 * @throws JettisonError when the command could not start
 */
export async function runOnFailure(
  where: { home: string; rung?: RungChoice },
  request: ExecRequest,
  streams: RunStreams,
): Promise<number> {
  const terminal = request.terminal !== undefined;
  const typed = typeof request.process.stdin === 'object';
  const giveUp = new AbortController();
  const kill = () => giveUp.abort(new JettisonError('INTERRUPTED', 'the shell was killed'));
  const worker = await startWorker(where);
  const stopForwarding = forwardSignals((signal) => {
    // An interactive shell ignores SIGTERM.
    if (terminal && signal === 'SIGTERM') kill();
    else if (terminal && signal === 'SIGHUP') worker.hangUp();
    else worker.kill(signal);
  }, kill);
  let stopTyping = () => {};
  try {
    const { exitCode } = await worker.exec(request, {
      signal: giveUp.signal,
      onOutput: ({ stream, data }) =>
        new Promise((resolve) => {
          streams[stream].write(data, () => resolve());
        }),
      onStarted: ({ problems }) => {
        stopTyping = typeInto(worker, streams, { typed, terminal });
        for (const problem of problems) streams.stderr.write(`note: ${problem}\n`);
      },
    });
    return exitCode;
  } finally {
    stopTyping();
    stopForwarding();
    await worker.close();
  }
}
