import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { JettisonError } from '../errors/error.ts';
import { isolationError, namespaceCommand } from '../machine/namespace.ts';
import { formsOf } from '../machine/readable-forms.ts';
import { needTool } from '../machine/tools.ts';
import { errorOf, type FromWorker, type ToWorker } from '../protocol/channel.ts';
import type {
  ExecOutput,
  ExecRequest,
  ExecResult,
  StartedCommand,
  TerminalSize,
} from '../protocol/exec-request.ts';
import {
  OPERATIONS,
  type OperationName,
  type Worker,
  type WorkerOperations,
} from '../protocol/operations.ts';
import { entryPath } from '../protocol/program-path.ts';
import type { Isolation, RungChoice, RuntimeName } from '../protocol/rung.ts';
import type { ReadableForms } from '../store/forms.ts';
import { type ChosenMode, chooseMode, forgetRungs } from './ladder.ts';

export interface WorkerOptions {
  /** The store's folder. */
  home: string;
  /** The rung of the ladder; default: the best that works here. */
  rung?: RungChoice;
  /** How the worker gets its namespaces; default: the strongest isolation that this process may use. */
  isolation?: Isolation;
  /** The runtime of the rung `oci`; default: the first that works, crun before runc. */
  runtime?: RuntimeName;
  /** What the worker writes to its standard error (warnings of Node, a crash). */
  onLog?: (text: string) => void;
}

interface Pending {
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
  onOutput?: (output: ExecOutput) => void | Promise<void>;
  onStarted?: (started: StartedCommand) => void;
  onEnded?: () => void;
}

const CLOSE_TIMEOUT_MS = 5000;
const LOG_TAIL = 4000;

/**
 * Starts a worker process, on the requested rung or else on the best one that works here. If no rung can run
 * commands, the worker still starts: it unpacks, packs and deletes, and `exec` fails with `RUN_UNAVAILABLE`.
 *
 * @throws JettisonError `RUNG_UNUSABLE` when the requested rung does not work here, `NO_NAMESPACES`, `TOOL_MISSING`
 */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { rung = 'auto', home } = options;
  try {
    return await start(options);
  } catch (error) {
    if (rung !== 'auto' || !(error instanceof JettisonError) || error.code !== 'NO_NAMESPACES') throw error;
    // The remembered rung no longer works: probe again.
    forgetRungs(home);
    return start(options);
  }
}

async function start(options: WorkerOptions): Promise<Worker> {
  const { rung = 'auto', home, isolation, runtime } = options;
  if (runtime !== undefined) needTool(runtime);
  const client = new WorkerClient(options, {
    ...(await chooseMode(rung, home)),
    ...(isolation === undefined ? {} : { isolation }),
    ...(runtime === undefined ? {} : { runtime }),
  });
  await client.ready;
  return Object.assign(client, operationsOf(client));
}

/** One method per operation, except `exec`: the client implements that itself, for cancellation and output. */
function operationsOf(client: WorkerClient): Omit<WorkerOperations, 'exec'> {
  const { exec: _, ...operations } = OPERATIONS;
  const methods = (Object.keys(operations) as OperationName[]).map((name) => [
    name,
    (request: unknown) => client.call(name, request),
  ]);
  return Object.fromEntries(methods);
}

function inability({ reason, hint }: { reason: string; hint?: string }): JettisonError {
  return new JettisonError('RUN_UNAVAILABLE', `cannot run commands here: ${reason}`, {
    hint: hint ?? 'Builds without RUN work. `jettison doctor` shows what RUN needs on this machine.',
  });
}

/** Control's side of the channel to a worker: `Worker` without the methods of `operationsOf`. */
class WorkerClient implements Omit<Worker, Exclude<OperationName, 'exec'>> {
  readonly ready: Promise<void>;
  readonly #process: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  /** Input that the worker has not acknowledged yet, by message. */
  readonly #untaken = new Map<number, () => void>();
  readonly #ended: Promise<void>;
  #serial = 0;
  #log = '';
  #closing = false;
  /** Set once the worker has ended: the error of every later call. */
  #gone: Error | undefined;

  readonly unable?: JettisonError;
  readonly forms: ReadableForms;
  readonly notes: readonly string[];

  constructor(options: WorkerOptions, { unable, notes, ...mode }: ChosenMode) {
    if (unable !== undefined) this.unable = inability(unable);
    this.notes = notes;
    const { isolation } = mode;
    this.forms = formsOf(isolation);
    const [program, ...args] = [
      ...namespaceCommand(isolation),
      ...[process.execPath, entryPath('worker'), options.home, JSON.stringify(mode), String(process.pid)],
    ] as [string, ...string[]];
    this.#process = spawn(program, args, {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      serialization: 'advanced',
      env: workerEnvironment(),
    });
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#log = (this.#log + text).slice(-LOG_TAIL);
      options.onLog?.(text);
    });

    let isReady = false;
    this.ready = new Promise((resolve, reject) => {
      this.#pending.set(0, { resolve: () => resolve(), reject });
    });
    this.#process.on('message', (message: FromWorker) => {
      isReady = true;
      this.#receive(message);
    });
    this.#ended = new Promise((resolve) => {
      // Not on "close": it is never emitted once this side has closed the channel.
      this.#process.once('exit', (code, signal) => {
        const end = () => {
          resolve();
          this.#end(isReady ? this.#death(code, signal) : isolationError(isolation, this.#log));
        };
        // Read the rest of standard error first: it explains the exit.
        const log = this.#process.stderr;
        if (log === null || log.closed) end();
        else log.once('close', end);
      });
      this.#process.once('error', (error) => {
        resolve();
        this.#end(isolationError(isolation, error.message));
      });
    });
  }

  async exec(request: ExecRequest, options: Parameters<Worker['exec']>[1] = {}): Promise<ExecResult> {
    const { signal, ...listeners } = options;
    signal?.throwIfAborted();
    if (this.unable !== undefined) throw this.unable;
    const id = ++this.#serial;
    const cancel = () => this.#send({ type: 'cancel', id });
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      return (await this.#call(id, 'exec', request, listeners)) as ExecResult;
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.#send({ type: 'kill', signal });
  }

  input(data?: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#process.connected) return resolve();
      const serial = ++this.#serial;
      this.#untaken.set(serial, resolve);
      this.#send({ type: 'input', serial, ...(data && { data }) });
    });
  }

  resize(size: TerminalSize): void {
    this.#send({ type: 'resize', size });
  }

  hangUp(): void {
    this.#send({ type: 'hang-up' });
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#process.ref();
    if (this.#process.connected) this.#process.disconnect();
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), CLOSE_TIMEOUT_MS);
    await this.#ended;
    clearTimeout(timer);
  }

  /** Calls an operation of the table in `protocol/operations.ts`. */
  call(operation: OperationName, request: unknown): Promise<unknown> {
    return this.#call(++this.#serial, operation, request);
  }

  #call(
    id: number,
    operation: OperationName,
    request: unknown,
    listeners?: Omit<Pending, 'resolve' | 'reject'>,
  ): Promise<unknown> {
    if (this.#gone !== undefined) return Promise.reject(this.#gone);
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, ...listeners });
      this.#keepAlive();
      this.#send({ type: 'call', id, operation, request });
    });
  }

  #send(message: ToWorker): void {
    // Not connected: the worker has ended or is ending, and "exit" rejects all pending calls.
    if (this.#process.connected) this.#process.send(message, () => {});
  }

  #receive(message: FromWorker): void {
    if (message.type === 'output') {
      void this.#output(message);
      return;
    }
    if (message.type === 'taken') {
      this.#untaken.get(message.serial)?.();
      this.#untaken.delete(message.serial);
      return;
    }
    if (message.type === 'started') {
      this.#pending.get(message.id)?.onStarted?.(message.started);
      return;
    }
    if (message.type === 'ended') {
      this.#pending.get(message.id)?.onEnded?.();
      return;
    }
    const id = message.type === 'ready' ? 0 : message.id;
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    this.#keepAlive();
    if (message.type === 'failure') pending?.reject(errorOf(message.failure));
    else pending?.resolve(message.type === 'ready' ? undefined : message.value);
  }

  async #output({ id, serial, output }: FromWorker & { type: 'output' }): Promise<void> {
    const pending = this.#pending.get(id);
    try {
      await pending?.onOutput?.(output);
    } catch (error) {
      pending?.reject(error as Error);
    }
    this.#send({ type: 'taken', serial });
  }

  /** Keeps this process alive only while a call is pending. */
  #keepAlive(): void {
    const busy = this.#pending.size > 0;
    const log = this.#process.stderr as Socket | null;
    for (const handle of [this.#process, this.#process.channel, log]) {
      if (busy) handle?.ref();
      else handle?.unref();
    }
  }

  #end(error: Error): void {
    this.#gone = error;
    for (const taken of this.#untaken.values()) taken();
    this.#untaken.clear();
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of pending) reject(error);
  }

  #death(code: number | null, signal: NodeJS.Signals | null): JettisonError {
    if (this.#closing) return new JettisonError('WORKER_CLOSED', 'the worker has been closed');
    const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
    const said = this.#log.trim();
    return new JettisonError(
      'WORKER_DIED',
      `the worker process ended unexpectedly (${how})${said === '' ? '' : `:\n${said}`}`,
      {
        hint:
          signal === 'SIGKILL'
            ? 'Another process or the kernel killed it: `dmesg` shows whether memory ran out. The store is intact: build again.'
            : 'The store is intact: build again, and please report this if it happens again.',
      },
    );
  }
}

/** Without NODE_OPTIONS: a debugger or loader of this process must not run in the worker. */
function workerEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _own, ...env } = process.env;
  return env;
}
