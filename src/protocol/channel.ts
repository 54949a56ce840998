import { JettisonError, type JettisonErrorOptions } from '../errors/error.ts';
import type { ExecOutput, StartedCommand, TerminalSize } from './exec-request.ts';
import type { OperationName } from './operations.ts';

/** From control to the worker. */
export type ToWorker =
  | { type: 'call'; id: number; operation: OperationName; request: unknown }
  /** Kills the command of that call. */
  | { type: 'cancel'; id: number }
  /** Output message number `serial` has been taken: the worker may send more of that call. */
  | { type: 'taken'; serial: number }
  | { type: 'kill'; signal: NodeJS.Signals }
  /** For commands that take standard input; without data: end of input. */
  | { type: 'input'; serial: number; data?: Uint8Array }
  | { type: 'resize'; size: TerminalSize }
  | { type: 'hang-up' };

/** From the worker to control. */
export type FromWorker =
  /** Sent once, when the worker accepts calls. */
  | { type: 'ready' }
  | { type: 'answer'; id: number; value: unknown }
  | { type: 'failure'; id: number; failure: Failure }
  /** The command of that call runs. */
  | { type: 'started'; id: number; started: StartedCommand }
  /** The command of that call has succeeded; its changes are now committed. */
  | { type: 'ended'; id: number }
  | { type: 'output'; id: number; serial: number; output: ExecOutput }
  /** Input message number `serial` has been taken: control may send more. */
  | { type: 'taken'; serial: number };

/** An error as data: class instances do not survive serialisation. */
export type Failure =
  | { kind: 'input'; code: string; message: string; options: Omit<JettisonErrorOptions, 'cause'> }
  | {
      kind: 'system';
      message: string;
      stack: string | undefined;
      code: string;
      syscall?: string;
      path?: string;
      dest?: string;
    }
  | { kind: 'bug'; name: string; message: string; stack: string | undefined };

/** An error as it is sent to the other process. */
export function failureOf(error: unknown): Failure {
  if (error instanceof JettisonError) {
    // A cause can be any value, and is not sent.
    const { cause: _, ...options } = error.options;
    return { kind: 'input', code: error.code, message: error.message, options };
  }
  if (!(error instanceof Error))
    return { kind: 'bug', name: 'Error', message: String(error), stack: undefined };
  const { name, message, stack } = error;
  const { code, syscall, path, dest } = error as NodeJS.ErrnoException & { dest?: string };
  if (code === undefined || syscall === undefined) return { kind: 'bug', name, message, stack };
  return {
    kind: 'system',
    message,
    stack,
    code,
    syscall,
    ...(path === undefined ? {} : { path: String(path) }),
    ...(dest === undefined ? {} : { dest: String(dest) }),
  };
}

/** The error of a `Failure`. A bug keeps the stack of its own process. */
export function errorOf(failure: Failure): Error {
  if (failure.kind === 'input') return new JettisonError(failure.code, failure.message, failure.options);
  const error = new Error(failure.message);
  if (failure.stack !== undefined) error.stack = failure.stack;
  if (failure.kind === 'system') {
    const { kind: _, message: __, stack: ___, ...facts } = failure;
    return Object.assign(error, facts);
  }
  error.name = failure.name;
  return error;
}
