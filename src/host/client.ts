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
  /** How commands may be run; default: the best that works. */
  rung?: RungChoice;
  /** How the worker gets its namespaces, if it does; default: the best that this process can ask for. */
  isolation?: Isolation;
  /** Which runtime the rung `oci` takes; default: the quickest that works. */
  runtime?: RuntimeName;
  /** What the worker writes to its standard error (warnings of Node, a crash). */
  onLog?: (text: string) => void;
}

interface Pending {
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
  onOutput?: ((output: ExecOutput) => void | Promise<void>) | undefined;
  onStarted?: ((started: StartedCommand) => void) | undefined;
  onEnded?: (() => void) | undefined;
}

const CLOSE_TIMEOUT_MS = 5000;
const LOG_TAIL = 4000;

/**
 * Starts the process that touches root file systems, on the best rung of the ladder that works here, or on the one
 * that was asked for. Where no command can be run, one is started that does everything else.
 *
 * @throws JettisonError `RUNG_UNUSABLE` when the rung that was asked for does not work, `NO_NAMESPACES`,
 * `TOOL_MISSING`
 */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { rung = 'auto', home } = options;
  try {
    return await start(options);
  } catch (error) {
    if (rung !== 'auto' || !(error instanceof JettisonError) || error.code !== 'NO_NAMESPACES') throw error;
    // It worked once: whatever has changed, it is tried again.
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

/** A method for each operation of the table; `exec` is the client's own, since it can be cancelled and has output. */
function operationsOf(client: WorkerClient): Omit<WorkerOperations, 'exec'> {
  const { exec: _, ...operations } = OPERATIONS;
  const methods = (Object.keys(operations) as OperationName[]).map((name) => [
    name,
    (request: unknown) => client.call(name, request),
  ]);
  return Object.fromEntries(methods);
}

function inability({ reason, hint }: { reason: string; hint?: string }): JettisonError {
  return new JettisonError('RUN_UNAVAILABLE', `no command can be run here: ${reason}`, {
    hint:
      hint ??
      'COPY, ADD and everything that only describes the image work without; `jettison doctor` says what RUN needs.',
  });
}

/** Control's end of a worker: everything of `Worker` but the methods for single operations. */
class WorkerClient implements Omit<Worker, Exclude<OperationName, 'exec'>> {
  readonly ready: Promise<void>;
  readonly #process: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  /** Input that the worker has not taken yet, by message. */
  readonly #untaken = new Map<number, () => void>();
  readonly #ended: Promise<void>;
  #serial = 0;
  #log = '';
  #closing = false;
  /** Why no call can be made any more. */
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
      // Not on "close": it never comes once the channel has been closed from this side.
      this.#process.once('exit', (code, signal) => {
        const end = () => {
          resolve();
          this.#end(isReady ? this.#death(code, signal) : isolationError(isolation, this.#log));
        };
        // The last words first.
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

  /** Asks for an operation of the table. */
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
    // Without a connection the worker is gone, or about to be: "close" tells whoever waits.
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

  /** The worker keeps this process alive only while an answer is awaited. */
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
            ? 'Something killed it; if the machine ran out of memory, `dmesg` says so. The store is intact: build again.'
            : 'The store is intact: build again, and please report this if it happens again.',
      },
    );
  }
}

/** The worker is a program of its own: options meant for this process (debuggers, loaders) are not for it. */
function workerEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _own, ...env } = process.env;
  return env;
}
