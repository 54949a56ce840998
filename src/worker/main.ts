/** The worker's entry: `worker.js STORE MODE PID-OF-CONTROL`, with a channel to control as its IPC. */

import { readdirSync } from 'node:fs';
import { formsOf } from '../machine/readable-forms.ts';
import { type FromWorker, failureOf, type ToWorker } from '../protocol/channel.ts';
import type { ExecOutput } from '../protocol/exec-request.ts';
import type { OperationName, RequestOf, WorkerOperations } from '../protocol/operations.ts';
import type { WorkerMode } from '../protocol/rung.ts';
import { StoreLayout } from '../store/layout.ts';
import { deadTemporaries, removeProcessTemporary } from '../store/temporary.ts';
import { exportCaches, importCaches } from './caches/cache-archive.ts';
import { emptyCaches, fillCache, knownArchive, packCache } from './caches/cache-share.ts';
import { checkDirectories, sampleDirectory } from './layers/check-directory.ts';
import { materialise } from './layers/materialise.ts';
import { measure } from './layers/measure.ts';
import { pack, tar } from './layers/pack.ts';
import { copyOut, read } from './layers/read-files.ts';
import { remove } from './layers/remove.ts';
import { unpack } from './layers/unpack.ts';
import { Locks } from './lock.ts';
import { closeOnExec, dieWithParent } from './native.ts';
import type { RunningCommand } from './run/command-root.ts';
import { exec } from './run/exec.ts';
import { discardStale } from './run/kept-failure.ts';
import { killOrphans } from './run/orphans.ts';
import type { WorkerContext } from './worker-context.ts';

const [home, what, control] = process.argv.slice(2) as [string, string, string];
const mode = JSON.parse(what) as WorkerMode;
const { isolation } = mode;

const isLinux = process.platform === 'linux';
if (isLinux) dieWithParent();
// Control may have died before prctl took effect.
if (process.ppid !== Number(control)) process.exit(1);
// A terminal's Ctrl-C reaches all processes of its group: control decides what to do.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const) process.on(signal, () => {});
process.umask(0o022);
// Commands of the build must not inherit open files of the process that started the build.
if (isLinux) for (const fd of readdirSync('/proc/self/fd').map(Number)) if (fd > 2) closeOnExec(fd);

const layout = new StoreLayout(home);
const ctx: WorkerContext = {
  layout,
  forms: formsOf(isolation),
  overlay: isolation === 'root' ? 'trusted' : isolation === 'none' ? 'none' : 'user',
  singleId: isolation === 'single',
};
/** How long commands may run after their terminal was closed. */
const HANG_UP_MS = 10_000;
const locks = new Locks(layout);
/** Running commands, by call: these can be cancelled. */
const running = new Map<number, { abort: AbortController; end: Promise<unknown> }>();
const commands = new Map<number, RunningCommand>();
/** Output that control has not acknowledged yet, by message. */
const untaken = new Map<number, () => void>();
let serial = 0;

/** One line per operation of the protocol. */
const operations: {
  [K in OperationName]: (request: RequestOf<K>, id: number) => ReturnType<WorkerOperations[K]>;
} = {
  unpack: (request) => unpack(ctx, request),
  materialise: (request) => materialise(ctx, request),
  sampleDirectory: (request) => sampleDirectory(ctx, request),
  checkDirectories: (request) => checkDirectories(ctx, request),
  pack: (request) => pack(ctx, request),
  tar: (request) => tar(ctx, request),
  read: (request) => read(ctx, request),
  copyOut: (request) => copyOut(ctx, request),
  remove: (request) => remove(ctx, request),
  exec: (request, id) => run(request, id),
  lock: ({ name }) => locks.take(name),
  unlock: async ({ name }) => locks.release(name),
  measure: (request) => measure(request),
  exportCaches: (request) => exportCaches(ctx, request),
  importCaches: (request) => importCaches(ctx, request),
  emptyCaches: (request) => emptyCaches(ctx, request),
  packCache: (request) => packCache(ctx, locks, request),
  knownArchive: (request) => knownArchive(ctx, locks, request),
  fillCache: (request) => fillCache(ctx, locks, request),
};

process.on('message', (message: ToWorker) => {
  if (message.type === 'call') void answer(message);
  else if (message.type === 'cancel') running.get(message.id)?.abort.abort(new Error('cancelled'));
  else if (message.type === 'kill') for (const command of commands.values()) command.signal(message.signal);
  else if (message.type === 'input') void input(message);
  else if (message.type === 'resize')
    for (const { streams } of commands.values()) streams.resize(message.size);
  else if (message.type === 'hang-up') hangUp();
  else {
    untaken.get(message.serial)?.();
    untaken.delete(message.serial);
  }
});
process.on('disconnect', () => void shutDown());
send({ type: 'ready' });
const swept = sweep();

async function answer({ id, operation, request }: ToWorker & { type: 'call' }): Promise<void> {
  try {
    send({ type: 'answer', id, value: await operations[operation](request as never, id) });
  } catch (error) {
    send({ type: 'failure', id, failure: failureOf(error) });
  }
}

function run(request: RequestOf<'exec'>, id: number): ReturnType<WorkerOperations['exec']> {
  const abort = new AbortController();
  const end = exec(ctx, mode, locks, request, {
    signal: abort.signal,
    output: (output) => sendOutput(id, output),
    started: (command, started) => {
      commands.set(id, command);
      send({ type: 'started', id, started });
    },
    ended: () => send({ type: 'ended', id }),
  }).finally(() => {
    running.delete(id);
    commands.delete(id);
  });
  running.set(id, { abort, end });
  return end;
}

async function input({ serial, data }: ToWorker & { type: 'input' }): Promise<void> {
  await Promise.all([...commands.values()].map(({ streams }) => streams.write(data)));
  send({ type: 'taken', serial });
}

function hangUp(): void {
  for (const command of commands.values()) {
    command.signal('SIGHUP');
    command.streams.hangUp();
    setTimeout(() => command.kill(), HANG_UP_MS).unref();
  }
}

function sendOutput(id: number, output: ExecOutput): Promise<void> {
  if (!process.connected) return Promise.resolve();
  return new Promise((resolve) => {
    untaken.set(++serial, resolve);
    send({ type: 'output', id, serial, output });
  });
}

function send(message: FromWorker): void {
  // Not connected: control has ended, and the handler of "disconnect" ends this process.
  if (process.connected) process.send!(message, undefined, undefined, () => {});
}

/** Control has ended or closed the channel: ends everything that runs here. */
async function shutDown(): Promise<void> {
  for (const { abort } of running.values()) abort.abort(new Error('closed'));
  for (const taken of untaken.values()) taken();
  await Promise.allSettled([...running.values()].map(({ end }) => end));
  await swept;
  removeProcessTemporary(layout);
  process.exit(0);
}

/** Deletes old failures, and leftovers of dead processes, including files of ids that control may not delete. */
async function sweep(): Promise<void> {
  try {
    await discardStale(layout);
  } catch {
    // The next worker tries again.
  }
  const dead = deadTemporaries(layout);
  if (mode.rung === 'chroot') killOrphans(dead);
  await remove(ctx, { paths: dead }).catch(() => {});
}
