import { promisify } from 'node:util';
import { usageError } from '../errors/error.ts';

export const SOURCE_DATE_EPOCH = 'SOURCE_DATE_EPOCH';

/** Of the year 9999. */
const LAST_SECOND = 253402300799;

/**
 * The build argument or variable SOURCE_DATE_EPOCH: seconds since 1970, else its text; undefined if not set. An empty
 * one means no time.
 */
export function sourceDateEpoch(
  buildArgs: Record<string, string>,
  env: NodeJS.ProcessEnv,
): number | string | undefined {
  const text = buildArgs[SOURCE_DATE_EPOCH] ?? env[SOURCE_DATE_EPOCH];
  return text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : text;
}

/**
 * The time of documents that are written about an image: the variable SOURCE_DATE_EPOCH in seconds since 1970, if set.
 *
 * @throws JettisonError with exit code 2 for one that is not a time of four-digit years
 */
export function documentTime(env: NodeJS.ProcessEnv): number | undefined {
  const time = sourceDateEpoch({}, env);
  if (time === undefined || time === '') return undefined;
  if (typeof time === 'number' && time <= LAST_SECOND) return time;
  throw usageError(`invalid SOURCE_DATE_EPOCH "${time}"`, 'It is a number of seconds since 1970.');
}

/** Time of the last commit of a folder's repository: seconds since 1970; 0 without a repository or commit. */
export async function lastCommitTime(folder: string | undefined, env: NodeJS.ProcessEnv): Promise<number> {
  if (folder === undefined) return 0;
  // Loaded here, since most builds do not need it.
  const { execFile } = await import('node:child_process');
  try {
    // The repository may belong to another user: only a number is read.
    const { stdout } = await promisify(execFile)(
      'git',
      ['-c', 'safe.directory=*', '-C', folder, 'log', '-1', '--format=%ct'],
      { env },
    );
    const seconds = Number(stdout.trim());
    return Number.isSafeInteger(seconds) && seconds > 0 ? seconds : 0;
  } catch {
    return 0;
  }
}
