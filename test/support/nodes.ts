import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const FETCH_TIMEOUT_MS = 240_000;

/** What npm says when there is no way to its registry. */
const UNREACHABLE =
  /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED|E404|E403)\b/;

/** The folder in which versions of Node are kept, so that each is fetched once. */
const CACHE = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'jettison-test-nodes');

/**
 * The program of a version of Node, from npm's registry.
 *
 * @param version exact, e.g. `20.15.0`
 * @returns its path, or why it is not to be had here
 */
export async function nodeOf(version: string): Promise<{ path: string } | { why: string }> {
  const name = `node-linux-${process.arch}`;
  const kept = join(CACHE, `${process.arch}-${version}`);
  const path = join(kept, 'node_modules', name, 'bin', 'node');
  if (existsSync(path)) return { path };
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, 'fetching-'));
  try {
    const why = await npm(['install', '--ignore-scripts', '--no-package-lock', `${name}@${version}`], folder);
    if (typeof why === 'string') return { why: `Node ${version}: ${why}` };
    if (!existsSync(kept)) renameSync(folder, kept);
    return { path };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Runs npm in a folder.
 *
 * @returns what it printed, or why its registry cannot be asked
 */
export async function npm(
  args: readonly string[],
  cwd: string,
): Promise<{ out: string; err: string } | string> {
  try {
    const { stdout, stderr } = await promisify(execFile)(
      'npm',
      [...args, '--no-audit', '--no-fund', '--no-update-notifier', '--fetch-retries=1'],
      { cwd, timeout: FETCH_TIMEOUT_MS, maxBuffer: 1 << 26 },
    );
    return { out: stdout, err: stderr };
  } catch (error) {
    const said = String((error as { stderr?: string }).stderr);
    if (UNREACHABLE.test(said)) return "npm's registry does not have it, or cannot be reached";
    throw error;
  }
}
