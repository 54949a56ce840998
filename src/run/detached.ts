import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { JettisonError } from '../errors/error.ts';
import { errorOf, type Failure, failureOf } from '../protocol/channel.ts';
import { entryPath } from '../protocol/program-path.ts';
import type { Store } from '../store/store.ts';
import { findContainer } from './container.ts';
import { LogWriter } from './log.ts';
import { logPath, type Supervision, supervise } from './supervise.ts';

/** The first argument of `jettison run` that starts a supervisor; internal. */
export const SUPERVISE = '--supervise';

/** The one message of a supervisor to its parent. */
type Word = { type: 'started' } | { type: 'ended'; exitCode: number } | { type: 'failed'; failure: Failure };

/**
 * Starts a supervisor process for a container. It outlives this process.
 *
 * @returns undefined once the command runs, or its exit code if it has already ended
 * @throws JettisonError when the command could not start
 */
export async function runDetached(
  store: Store,
  id: string,
  env: NodeJS.ProcessEnv,
): Promise<number | undefined> {
  const complaints = join(store.containers.folder(id), 'supervisor.log');
  const stderr = openSync(complaints, 'a', 0o600);
  const child = spawn(process.execPath, [entryPath('cli'), 'run', SUPERVISE, id], {
    cwd: '/',
    env: { ...env, JETTISON_HOME: store.layout.home },
    stdio: ['ignore', 'ignore', stderr, 'ipc'],
    serialization: 'advanced',
    detached: true,
  });
  closeSync(stderr);
  const word = await new Promise<Word | undefined>((resolve) => {
    child.once('message', (message: Word) => resolve(message));
    child.once('exit', () => resolve(undefined));
    child.once('error', () => resolve(undefined));
  });
  if (word === undefined) {
    const said = readFileSync(complaints, 'utf8').trim();
    store.containers.remove(id);
    throw new JettisonError(
      'SUPERVISOR_DIED',
      `the supervisor of the container ended unexpectedly${said === '' ? '' : `:\n${said}`}`,
    );
  }
  if (child.connected) child.disconnect();
  child.unref();
  if (word.type === 'failed') throw errorOf(word.failure);
  return word.type === 'ended' ? word.exitCode : undefined;
}

/** The supervisor process: runs a container of the store to its end. */
export async function superviseDetached(
  store: Store,
  id: string,
  control: Pick<Supervision, 'fetch' | 'started'>,
): Promise<number> {
  const { config } = findContainer(store, id);
  const log = new LogWriter(logPath(store, id));
  const abandoned = new AbortController();
  const abandon = () => abandoned.abort();
  // The parent ended before the command ran.
  process.once('disconnect', abandon);
  const say = (word: Word) =>
    new Promise<void>((resolve) => {
      process.off('disconnect', abandon);
      if (process.connected) process.send!(word, undefined, undefined, () => resolve());
      else resolve();
    });
  try {
    const exitCode = await supervise(store, config, {
      ...control,
      signal: abandoned.signal,
      output: (stream, data) => log.write(stream, data),
      note: (text) => log.write('stderr', Buffer.from(`jettison: ${text}\n`)),
      started: () => {
        control.started?.();
        void say({ type: 'started' }).then(() => process.disconnect?.());
      },
    });
    await say({ type: 'ended', exitCode });
    return exitCode;
  } catch (error) {
    await say({ type: 'failed', failure: failureOf(error) });
    throw error;
  } finally {
    log.close();
  }
}
