import { relative } from 'node:path';
import type { BuildOptions } from '../build/build.ts';
import { InputWatch } from '../build/input-watch.ts';
import { EXIT, JettisonError } from '../errors/error.ts';
import { visibleLine } from '../errors/safe-text.ts';
import type { Io } from './command.ts';
import { reportError } from './print/error-report.ts';

/** How many changed files are named. */
const MOST_NAMES = 3;

/**
 * Builds, and builds again after every change of what the build reads, until it is interrupted. The names of a build
 * that fails keep the image of the last one that did not.
 *
 * @param build one build; its errors are printed
 * @param says whether to print what is watched and what changed
 * @returns the exit code
 * @throws JettisonError of the first build if the command line is wrong
 */
export async function watchBuilds(
  options: BuildOptions,
  io: Io,
  build: () => Promise<unknown>,
  says: boolean,
): Promise<number> {
  const say = (text: string) => {
    if (says) io.stderr.write(`${text}\n`);
  };
  const watch = new InputWatch(options);
  try {
    for (let isFirst = true; ; isFirst = false) {
      try {
        await build();
      } catch (error) {
        const isUsage = error instanceof JettisonError && error.exitCode === EXIT.usage;
        if (io.signal.aborted || (isFirst && isUsage)) throw error;
        reportError(error, io);
      }
      say(`\nWatching ${visibleLine(options.context)} for changes: Ctrl-C ends.`);
      const changed = await watch.next(io.signal);
      if (changed.length === 0) return EXIT.interrupted;
      say(`\n${changes(changed.map((path) => relative(io.cwd, path)))} changed.`);
    }
  } finally {
    watch.close();
  }
}

function changes(paths: readonly string[]): string {
  const named = paths.slice(0, MOST_NAMES).map((path) => visibleLine(path));
  const more = paths.length - named.length;
  return more === 0 ? named.join(', ') : `${named.join(', ')} and ${more} more`;
}
