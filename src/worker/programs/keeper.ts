/**
 * Kills everything that a command started, on the rung without a process namespace (chroot):
 * `keeper.js ROOT ARGUMENT-OF-BECOME...`, with a channel to the worker as its IPC. As a child subreaper this process
 * gets all orphans, and kills them when the command or the worker has ended.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { entryPath } from '../../protocol/program-path.ts';
import { adoptOrphans, bury, closeOnExec } from '../native.ts';

/** Messages of the worker. `go`: start the command. `end`: kill everything. Otherwise a signal for the command. */
export type ToKeeper = 'go' | 'end' | NodeJS.Signals;

const [root, ...words] = process.argv.slice(2) as [string, ...string[]];
const EXIT_KILLED = 128 + constants.signals.SIGKILL;
const BURIAL_MS = 500;

let command: ChildProcess | undefined;
let ending = false;

adoptOrphans();
// A terminal signals all processes of its group: only the command reacts.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const) process.on(signal, () => {});
for (const fd of readdirSync('/proc/self/fd').map(Number)) if (fd > 2) closeOnExec(fd);

process.on('message', (message: ToKeeper) => {
  if (message === 'go') start();
  else if (message === 'end') void end(EXIT_KILLED);
  else command?.kill(message);
});
process.on('disconnect', () => void end(EXIT_KILLED));
process.send!('ready');

function start(): void {
  command = spawn(process.execPath, [entryPath('become'), ...words], {
    cwd: root,
    stdio: 'inherit',
  });
  command.once('exit', (code, signal) => void end(code ?? 128 + constants.signals[signal!]));
  command.once('error', (error) => {
    process.stderr.write(`${error.message}\n`);
    void end(126);
  });
  setInterval(buryOrphans, BURIAL_MS).unref();
}

async function end(exitCode: number): Promise<void> {
  if (ending) return;
  ending = true;
  await killAll();
  process.exit(exitCode);
}

/** Stops every process first, so that none starts another one while the rest are found. */
async function killAll(): Promise<void> {
  for (;;) {
    const stopped = new Set<number>();
    for (let found = living(); found.some((pid) => !stopped.has(pid)); found = living()) {
      for (const pid of found) {
        if (!stopped.has(pid)) send(pid, 'SIGSTOP');
        stopped.add(pid);
      }
    }
    if (stopped.size === 0) return;
    for (const pid of stopped) send(pid, 'SIGKILL');
    await sleep(2);
    buryOrphans();
  }
}

/** All descendants that have not ended. */
function living(): number[] {
  return descendants()
    .filter(({ state }) => state !== 'Z' && state !== 'X')
    .map(({ pid }) => pid);
}

/** Reaps all ended children but the command, which Node reaps. */
function buryOrphans(): void {
  for (const { pid, parent, state } of descendants()) {
    if (state === 'Z' && parent === process.pid && pid !== command?.pid) bury(pid);
  }
}

interface Process {
  pid: number;
  parent: number;
  state: string;
}

function descendants(): Process[] {
  const children = new Map<number, Process[]>();
  for (const name of readdirSync('/proc')) {
    const found = /^\d/.test(name) ? look(Number(name)) : undefined;
    if (found === undefined) continue;
    const siblings = children.get(found.parent);
    if (siblings === undefined) children.set(found.parent, [found]);
    else siblings.push(found);
  }
  const all: Process[] = [];
  const waiting = [process.pid];
  for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
    for (const child of children.get(pid) ?? []) {
      all.push(child);
      waiting.push(child.pid);
    }
  }
  return all;
}

function look(pid: number): Process | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may contain spaces and parentheses.
    const [state = '', parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { pid, parent: Number(parent), state };
  } catch {
    return undefined;
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
