import { EXIT } from '../errors/error.ts';
import type { Command, Io } from './command.ts';
import { dispatch, EXIT_PIPE_CLOSED } from './dispatch.ts';

const interruption = new AbortController();
let stdin: NodeJS.ReadStream | undefined;
let running: Command | undefined;

// Node makes a standard stream on first access, which takes time: only those in use are made.
const io: Io = {
  get stdin() {
    stdin = process.stdin;
    return stdin;
  },
  get stdout() {
    return once(process.stdout, 'error', stdoutFailed);
  },
  get stderr() {
    return once(process.stderr, 'error', stderrFailed);
  },
  env: process.env,
  cwd: process.cwd(),
  signal: interruption.signal,
};

// No top-level await: the command is bundled as CommonJS, which starts faster.
void dispatch(process.argv.slice(2), io, watchSignals).then((code) => {
  process.exitCode = code;
});

function once<S extends NodeJS.WriteStream>(stream: S, event: string, listener: (error: Error) => void): S {
  if (!stream.listeners(event).includes(listener)) stream.on(event, listener);
  return stream;
}

function stdoutFailed(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') {
    if (running?.writesArchives) printError('standard output was closed: the archive is incomplete');
    process.exit(EXIT_PIPE_CLOSED);
  }
  if (error.syscall === undefined) throw error;
  const reason = error.code === 'ENOSPC' ? 'no space left there' : error.message;
  printError(`cannot write to standard output: ${reason}`, 'Free some space, or write elsewhere.');
  process.exit(EXIT.failed);
}

/** Prints an error outside of `dispatch`, where it cannot be thrown. */
function printError(message: string, hint?: string): void {
  process.stderr.write(`error: ${message}\n${hint === undefined ? '' : `hint: ${hint}\n`}`);
}

/** A closed standard error does not stop a build. */
function stderrFailed(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

/** The first signal aborts the command, which then cleans up; a second one exits at once. */
function watchSignals(command: Command): void {
  running = command;
  if (command.ownsSignals) return;
  const interrupt = (signal: NodeJS.Signals) => {
    if (interruption.signal.aborted) process.exit(EXIT.interrupted);
    interruption.abort(new Error(`interrupted by ${signal}`));
    // Ends pending reads of standard input.
    stdin?.destroy();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
}
