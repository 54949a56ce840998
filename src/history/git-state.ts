import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { JettisonError } from '../errors/error.ts';
import { findPlace, References } from '../git/git-references.ts';
import { HostFiles } from '../git/host-files.ts';
import type { GitState } from './build-record.ts';

const COMMIT = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;
/** Milliseconds that git may take: who builds does not wait for it. */
const DIRTY_MS = 2000;
/** What git says is not longer: a line a file that was changed. */
const MOST_BYTES = 8 * 1024 * 1024;

/** The commit that a directory's repository is at, from a few small files; undefined outside of repositories. */
export function gitState(directory: string): GitState | undefined {
  const files = new HostFiles();
  try {
    const place = findPlace(files, directory);
    const { id, ref = 'HEAD' } = place === undefined ? {} : new References(files, place).follow('HEAD');
    if (id === undefined || !COMMIT.test(id)) return undefined;
    return ref === 'HEAD' ? { commit: id } : { commit: id, branch: ref.replace(/^refs\/heads\//, '') };
  } catch (error) {
    // A repository that cannot be read is no matter of the build.
    if (error instanceof JettisonError || (error as NodeJS.ErrnoException).syscall !== undefined)
      return undefined;
    throw error;
  }
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
