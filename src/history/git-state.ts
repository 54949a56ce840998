import { execFile } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { GitState } from './build-record.ts';

const COMMIT = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;
/** Directories above the context that are looked at. */
const LEVELS = 32;
/** Milliseconds that git may take: who builds does not wait for it. */
const DIRTY_MS = 2000;
/** More of a file than this is not a reference. */
const MOST_BYTES = 8 * 1024 * 1024;

/** The commit that a directory's repository is at, from a few small files; undefined outside of repositories. */
export function gitState(directory: string): GitState | undefined {
  const git = gitFolder(directory);
  const head = git && readText(join(git, 'HEAD'));
  if (git === undefined || head === undefined) return undefined;
  const reference = /^ref: (refs\/\S+)/.exec(head)?.[1];
  if (reference === undefined) {
    const commit = head.trim();
    return COMMIT.test(commit) ? { commit } : undefined;
  }
  // Of a worktree, branches are in the main repository.
  const shared = readText(join(git, 'commondir'));
  const common = shared === undefined ? git : resolve(git, shared.trim());
  const commit = readText(join(common, reference))?.trim() ?? packed(common, reference);
  if (commit === undefined || !COMMIT.test(commit)) return undefined;
  return { commit, branch: reference.replace(/^refs\/heads\//, '') };
}

/**
 * Whether tracked files of a directory's repository differ from its commit; undefined when git does not say. Starts
 * git, without the programs that the repository's settings name.
 */
export async function isDirty(directory: string, signal: AbortSignal): Promise<boolean | undefined> {
  try {
    const { stdout } = await promisify(execFile)(
      'git',
      [
        ...['--no-optional-locks', '-c', 'safe.directory=*', '-c', 'core.fsmonitor=false'],
        ...['-C', directory, 'status', '--porcelain', '--untracked-files=no', '--ignore-submodules=all'],
      ],
      { signal, timeout: DIRTY_MS, maxBuffer: MOST_BYTES },
    );
    return stdout !== '';
  } catch {
    return undefined;
  }
}

function gitFolder(directory: string): string | undefined {
  let at = directory;
  for (let level = 0; level < LEVELS; level++) {
    const path = join(at, '.git');
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat?.isDirectory()) return path;
    if (stat?.isFile()) {
      const link = /^gitdir: (.+)$/m.exec(readText(path) ?? '')?.[1];
      return link === undefined ? undefined : resolve(at, link.trim());
    }
    const above = dirname(at);
    if (above === at) return undefined;
    at = above;
  }
  return undefined;
}

function packed(git: string, reference: string): string | undefined {
  const lines = readText(join(git, 'packed-refs'))?.split('\n') ?? [];
  return lines.find((line) => line.endsWith(` ${reference}`))?.split(' ', 1)[0];
}

function readText(path: string): string | undefined {
  try {
    const stat = statSync(path);
    return stat.isFile() && stat.size <= MOST_BYTES ? readFileSync(path, 'utf8') : undefined;
  } catch {
    return undefined;
  }
}
