import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { contextSource } from '../context/context-source.ts';
import { type DockerfileOptions, locate, readIgnoreText } from '../context/dockerfile.ts';
import { FolderWatch } from '../context/folder-watch.ts';
import { rulesOf } from '../context/ignore.ts';
import { type LocalContext, openLocalContext } from '../context/local.ts';
import type { OwnPlace } from '../context/own-places.ts';
import { JettisonError, usageError } from '../errors/error.ts';
import { defaultHome } from '../store/layout.ts';
import { directoryOf, writtenBy } from './main-context.ts';
import { type BuildOptions, pick } from './options.ts';
import { readNamedContexts } from './planning.ts';

/** A program writes a file in several calls, and a checkout many files: the wait ends after this time without a change … */
const QUIET_MS = 40;
/** … and at the latest after this. */
const MOST_MS = 1000;

interface WatchedFolder {
  open(): LocalContext;
  watch: FolderWatch;
}

/**
 * Notices changes of what a build reads on this machine: its context, the Dockerfile, ignore files, and directories of
 * `--build-context`.
 */
export class InputWatch {
  readonly #folders: WatchedFolder[] = [];
  readonly #files: FSWatcher[] = [];
  readonly #changed = new Set<string>();
  #isStale = false;
  #wake = () => {};

  /**
   * Notices every change from now on.
   *
   * @throws JettisonError `USAGE` if the context is not a directory; `CONTEXT_…`, `IGNORE_PATTERN`, `WATCH_LIMIT`
   */
  constructor(options: BuildOptions) {
    const directory = directoryOf(contextSource(options.context));
    if (directory === undefined || options.file === '-') {
      throw usageError(
        '--watch needs a context that is a directory, and a Dockerfile that is a file',
        'Leave out --watch, or build from a directory.',
      );
    }
    const own = [
      { path: options.home ?? defaultHome(options.env), what: 'the store' },
      ...writtenBy(options),
    ];
    const main = { directory, ...pick(options, 'file') };
    const named = [...readNamedContexts(options.contexts).files.values()].map(directoryOf);
    const others = named.flatMap((other) => (other === undefined ? [] : [{ directory: other }]));
    try {
      for (const folder of [main, ...others]) this.#watchFolder(folder, own);
      // They may be outside of the context, or excluded from it.
      const file = resolve(locate(main).path!);
      for (const path of [file, `${file}.dockerignore`, resolve(directory, '.dockerignore')])
        this.#watchFile(path);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * Waits for changes.
   *
   * @returns absolute paths; none once the signal is aborted
   * @throws JettisonError `WATCH_LIMIT`
   */
  async next(signal: AbortSignal): Promise<string[]> {
    const wake = () => this.#wake();
    signal.addEventListener('abort', wake);
    try {
      while (this.#changed.size === 0 && !signal.aborted) await this.#event();
      const latest = Date.now() + MOST_MS;
      while (!signal.aborted && Date.now() < latest && (await this.#event(QUIET_MS)));
    } finally {
      signal.removeEventListener('abort', wake);
    }
    if (signal.aborted) return [];
    if (this.#isStale) this.#update();
    const paths = [...this.#changed].sort();
    this.#changed.clear();
    return paths;
  }

  close(): void {
    for (const folder of this.#folders) folder.watch.close();
    for (const watcher of this.#files) watcher.close();
  }

  #watchFolder(where: DockerfileOptions & { directory: string }, own: readonly OwnPlace[]): void {
    const open = () => {
      const { ignoreText, ignoreName } = readIgnoreText(where);
      return openLocalContext({ directory: where.directory, ignore: rulesOf(ignoreText, ignoreName), own });
    };
    const first = open();
    const onChange = (path: string, isNew: boolean) => {
      this.#isStale ||= isNew || path === '.dockerignore';
      this.#note(join(first.directory, path));
    };
    this.#folders.push({ open, watch: new FolderWatch(first, onChange) });
  }

  #watchFile(path: string): void {
    try {
      const watcher = watch(dirname(path), (_, name) => {
        if (name !== basename(path)) return;
        this.#isStale ||= name.endsWith('.dockerignore');
        this.#note(path);
      });
      watcher.on('error', () => watcher.close());
      this.#files.push(watcher);
    } catch {
      // Its directory is missing: the build says so.
    }
  }

  #note(path: string): void {
    this.#changed.add(path);
    this.#wake();
  }

  /** Waits for the next change, or for a time. @returns whether something changed */
  #event(withinMs?: number): Promise<boolean> {
    return new Promise((done) => {
      const timer = withinMs === undefined ? undefined : setTimeout(() => done(false), withinMs);
      this.#wake = () => {
        clearTimeout(timer);
        done(true);
      };
    });
  }

  /** Watches directories that have come since. */
  #update(): void {
    this.#isStale = false;
    try {
      for (const { open, watch: watched } of this.#folders) watched.update(open());
    } catch (error) {
      // The build says what is wrong with a context or an ignore file. Once that is repaired, the next update succeeds.
      if (!(error instanceof JettisonError) || error.code === 'WATCH_LIMIT') throw error;
      this.#isStale = true;
    }
  }
}
