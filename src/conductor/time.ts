import { promisify } from 'node:util';
import { EXIT, JettisonError } from '../errors/error.ts';

/**
 * Seconds since 1970 that the image is dated: the build argument or variable SOURCE_DATE_EPOCH; undefined without.
 *
 * @throws JettisonError `SOURCE_DATE_EPOCH_INVALID`
 */
export function sourceDateEpoch(
  buildArgs: Record<string, string>,
  env: NodeJS.ProcessEnv,
): number | undefined {
  const text = buildArgs['SOURCE_DATE_EPOCH'] ?? env['SOURCE_DATE_EPOCH'];
  if (text === undefined || text === '') return undefined;
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw new JettisonError('SOURCE_DATE_EPOCH_INVALID', `SOURCE_DATE_EPOCH is "${text}", which is no time`, {
    hint: 'It is a number of seconds since 1970, e.g. `git log -1 --format=%ct`.',
    exitCode: EXIT.usage,
  });
}

/** When the last commit of the repository that a folder is in was made: seconds since 1970; 0 where there is none. */
export async function lastCommitTime(folder: string | undefined, env: NodeJS.ProcessEnv): Promise<number> {
  if (folder === undefined) return 0;
  // Loaded here: most builds do not ask.
  const { execFile } = await import('node:child_process');
  try {
    // Whose repository it is does not matter: only a number is read.
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
