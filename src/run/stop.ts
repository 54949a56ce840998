import { setTimeout as sleep } from 'node:timers/promises';
import { JettisonError } from '../errors/error.ts';
import { commandBelow } from '../machine/processes.ts';
import { isAlive, pidOf } from '../store/process-identity.ts';
import type { Store } from '../store/store.ts';
import { type Container, type ContainerRequest, isLive } from './container.ts';
import { firstProcess } from './join.ts';
import { signalNumber } from './signals.ts';

const POLL_MS = 25;
/** How long a killed container may take to end. */
const SETTLE_MS = 10_000;

/**
 * Sends a signal to a container's command. When the command ends, so do the first process and all others.
 *
 * @throws JettisonError `CONTAINER_NOT_RUNNING`, `SIGNAL_UNKNOWN`
 */
export function signalContainer(container: Container, signal: string): void {
  const command = commandOf(container, firstProcess(container));
  if (command !== undefined) send(command, signalNumber(signal));
}

/**
 * Sends a container's stop signal, and kills the container if it does not end in time. Does nothing if it is not running.
 *
 * @param timeout seconds between the two; default: the container's own
 */
export async function stopContainer(store: Store, container: Container, timeout?: number): Promise<void> {
  const { config } = container;
  if (!isLive(container)) return;
  if (container.state.first !== undefined) {
    signalContainer(container, config.stopSignal);
    if (await hasEnded(store, config.id, (timeout ?? config.stopTimeout) * 1000)) return;
  }
  await killContainer(store, config.id);
}

/** Kills all processes of a container, and waits until its state says so. */
async function killContainer(store: Store, id: string): Promise<void> {
  const container = store.containers.get<ContainerRequest>(id);
  if (container === undefined || !isLive(container)) return;
  const { first, supervisor } = container.state;
  if (first !== undefined && isAlive(first, 0)) {
    // The command, not the first process: util-linux could not report the signal.
    send(commandOf(container, pidOf(first)) ?? pidOf(first), signalNumber('KILL'));
    if (await hasEnded(store, id, SETTLE_MS)) return;
  }
  // All its processes end with the supervisor.
  send(pidOf(supervisor), signalNumber('KILL'));
  if (await hasEnded(store, id, SETTLE_MS)) return;
  throw new JettisonError('CONTAINER_STUCK', `the container ${container.config.name} could not be killed`);
}

/**
 * Removes a container that has ended.
 *
 * @param force kills it first if it is running
 * @throws JettisonError `CONTAINER_RUNNING`
 */
export async function removeContainer(store: Store, container: Container, force: boolean): Promise<void> {
  if (isLive(container)) {
    if (!force) {
      throw new JettisonError('CONTAINER_RUNNING', `the container ${container.config.name} is running`, {
        hint: `Stop it first (jettison stop ${container.config.name}), or kill and remove it with -f.`,
      });
    }
    await killContainer(store, container.config.id);
  }
  store.containers.remove(container.config.id);
}

function commandOf({ state }: Container, first: number): number | undefined {
  return commandBelow(first, state.runtime === undefined ? 1 : 2);
}

async function hasEnded(store: Store, id: string, withinMs: number): Promise<boolean> {
  for (const until = Date.now() + withinMs; ; ) {
    const container = store.containers.get<ContainerRequest>(id);
    if (container === undefined || !isLive(container)) return true;
    if (Date.now() >= until) return false;
    await sleep(POLL_MS);
  }
}

function send(pid: number, signal: number): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
