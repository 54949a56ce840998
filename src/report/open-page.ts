import { spawn } from 'node:child_process';
import { JettisonError } from '../errors/error.ts';

/**
 * Shows a file in the user's browser: `$BROWSER`, else the program of the desktop. Returns when it has started.
 *
 * @throws JettisonError `OUTPUT_INVALID`
 */
export async function openPage(
  path: string,
  env: NodeJS.ProcessEnv,
  platform = process.platform,
): Promise<void> {
  const program = env['BROWSER'] || (platform === 'darwin' ? 'open' : 'xdg-open');
  try {
    await new Promise<void>((resolve, reject) => {
      const child = spawn(program, [path], { stdio: 'ignore', detached: true, env });
      child.once('error', reject);
      child.once('spawn', () => {
        child.unref();
        resolve();
      });
    });
  } catch (error) {
    throw new JettisonError('OUTPUT_INVALID', `cannot start a browser: ${(error as Error).message}`, {
      hint: `Set BROWSER to a program, or open ${path} yourself.`,
    });
  }
}
