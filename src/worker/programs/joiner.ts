/**
 * Runs a further command in a container: `joiner.js`, with a channel to control as its IPC. This process copies the
 * command's standard streams, so that the container gets no open file of control.
 */

import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Entered, type EnterRequest, enter, killEntered, sharesUsers } from '../../launch/enter.ts';
import type { FromJoiner, JoinRequest, ToJoiner } from '../../launch/join-messages.ts';
import { commandBelow } from '../../machine/processes.ts';
import { failureOf } from '../../protocol/channel.ts';
import type { ExecOutput } from '../../protocol/exec-request.ts';
import { Pty, resizeTerminalOf } from '../run/pty.ts';
import { CommandStreams, pieces } from '../run/streams.ts';

/** After a command has ended, output that a leftover process keeps open is read until it is silent for this long. */
const SILENCE_MS = 200;
const HANG_UP_MS = 10_000;

/** Undefined until the command is about to start, or if starting failed. */
let streams: CommandStreams | undefined;
let entered: Entered | undefined;
const untaken: (() => void)[] = [];
let turn: Promise<void> = Promise.resolve();
let printed = 0;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const) process.on(signal, () => {});
process.on('message', (message: ToJoiner) => {
  if (message.type === 'start') void run(message);
  else if (message.type === 'taken') untaken.shift()?.();
  else if (streams === undefined) return;
  else if (message.type === 'input') void streams.write(message.data).then(() => send({ type: 'taken' }));
  else if (message.type === 'resize') streams.resize(message.size);
  else if (entered === undefined) return;
  else if (message.type === 'kill') killEntered(entered, message.signal);
  else hangUp(entered);
});
// Control has ended: end the command, too.
process.on('disconnect', () => {
  if (entered === undefined) process.exit(1);
  entered.process.once('exit', () => process.exit(1));
  streams?.hangUp();
  killEntered(entered, 'SIGKILL');
});

async function run(request: JoinRequest): Promise<void> {
  try {
    await send({ type: 'ended', exitCode: await follow(request) });
  } catch (error) {
    await send({ type: 'failed', failure: failureOf(error) });
  }
  process.exit();
}

async function follow({ enter: request, typed }: JoinRequest): Promise<number> {
  const opened = open(request, typed);
  streams = opened;
  try {
    entered = enter(request, [...opened.fds], typed || request.terminal ? [0, 1, 2] : [1, 2]);
  } finally {
    opened.handedOver();
  }
  const { process: child, depth } = entered;
  if (request.runtime !== undefined) {
    opened.onResize = (size) => resizeTerminalOf(commandBelow(child.pid ?? 0, depth), size);
  }
  const end = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal!]));
  });
  const output = Promise.all([pass(opened, 'stdout'), pass(opened, 'stderr')]);
  const exitCode = await end;
  await Promise.race([output, silence()]);
  return exitCode;
}

function open(request: EnterRequest, typed: boolean): CommandStreams {
  const { terminal } = request;
  // In another user namespace this process cannot chown files to the command's user.
  const owner = sharesUsers(request) ? request.user : undefined;
  const options = { stdin: typed ? 'typed' : '/dev/null', owner };
  if (terminal === undefined) return CommandStreams.open(options);
  // The runtime makes a terminal in the container, and copies between it and this one.
  if (request.runtime !== undefined) return CommandStreams.open({ ...options, terminal });
  return CommandStreams.open({
    ...options,
    terminal,
    make: () => Pty.openInside(`/proc/${request.first}/cwd`, 'dev', terminal, owner),
  });
}

async function pass(from: CommandStreams, stream: 'stdout' | 'stderr'): Promise<void> {
  const source = from[stream];
  if (source === null) return;
  for await (const data of pieces(source)) {
    printed++;
    const mine = turn.then(() => sendOutput({ stream, data }));
    turn = mine;
    await mine;
  }
}

/** Resolves when there was no output for `SILENCE_MS` and control has acknowledged all of it. */
async function silence(): Promise<void> {
  for (let before = -1; before !== printed; ) {
    before = printed;
    await turn;
    await sleep(SILENCE_MS);
  }
}

function hangUp(command: Entered): void {
  killEntered(command, 'SIGHUP');
  streams?.hangUp();
  setTimeout(() => killEntered(command, 'SIGKILL'), HANG_UP_MS).unref();
}

function sendOutput(output: ExecOutput): Promise<void> {
  return new Promise((resolve) => {
    untaken.push(resolve);
    void send({ type: 'output', output });
  });
}

function send(message: FromJoiner): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send!(message, undefined, undefined, () => resolve());
    else resolve();
  });
}
