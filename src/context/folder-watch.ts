import { type FSWatcher, lstatSync, watch } from 'node:fs';
import { JettisonError } from '../errors/error.ts';
import { join, nameOf } from '../layer/entry.ts';
import { diskPath, nameOfBytes } from '../layer/names.ts';
import type { LocalContext } from './local.ts';

/**
 * Watches the directories of a build context. One watcher per directory (inotify), none per file: a context may have
 * hundreds of thousands of files. Changes of files that the build cannot see are not reported.
 */
export class FolderWatch {
  #context: LocalContext;
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #onChange: (path: string, isNew: boolean) => void;

  /**
   * @param onChange called with a path of the context, and whether its name may have come or gone: then `update` is due
   * @throws JettisonError `WATCH_LIMIT`
   */
  constructor(context: LocalContext, onChange: (path: string, isNew: boolean) => void) {
    this.#context = context;
    this.#onChange = onChange;
    this.update(context);
  }

  /**
   * Watches the directories that exist now.
   *
   * @param context the same directory, opened anew: its ignore rules may have changed
   */
  update(context: LocalContext): void {
    this.#context = context;
    const gone = new Set(this.#watchers.keys());
    const waiting = [''];
    for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
      gone.delete(path);
      // First watched, then listed: whatever is made in between is noticed.
      if (!this.#watchers.has(path)) this.#watch(path);
      for (const name of context.children(path)) {
        const child = join(path, name);
        if (context.get(child)?.type === 'directory') waiting.push(child);
      }
    }
    for (const path of gone) this.#drop(path);
  }

  close(): void {
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #watch(path: string): void {
    try {
      const watcher = watch(diskPath(this.#host(path)), { encoding: 'buffer' }, (event, name) =>
        this.#changed(path, event === 'rename', name),
      );
      watcher.on('error', () => this.#drop(path));
      this.#watchers.set(path, watcher);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOSPC' && code !== 'EMFILE') return; // Gone, or unreadable: the build says so.
      throw new JettisonError(
        'WATCH_LIMIT',
        'cannot watch more directories: the limit of inotify is reached',
        {
          hint:
            'Exclude directories that the build does not need in .dockerignore, or raise the limit: ' +
            '`sysctl fs.inotify.max_user_watches=1048576 fs.inotify.max_user_instances=512`.',
          cause: error,
        },
      );
    }
  }

  #changed(directory: string, isNew: boolean, bytes: Buffer | null): void {
    const name = bytes === null ? '' : nameOfBytes(bytes);
    const child = name === '' ? directory : join(directory, name);
    // A change of the directory itself has its own name.
    const isItself =
      name === nameOf(directory) &&
      lstatSync(diskPath(this.#host(child)), { throwIfNoEntry: false }) === undefined;
    const path = isItself ? directory : child;
    // What is there now may be another directory than the one that is watched.
    if (isNew)
      for (const known of [...this.#watchers.keys()]) if (isIn(known, path) && path !== '') this.#drop(known);
    if (this.#isSeen(path)) this.#onChange(path, isNew);
  }

  #isSeen(path: string): boolean {
    const { ignore } = this.#context;
    if (this.#context.reserved(path) !== undefined) return false;
    return !ignore.excludes(path) || ignore.mayContainIncluded(path);
  }

  #drop(path: string): void {
    this.#watchers.get(path)?.close();
    this.#watchers.delete(path);
  }

  #host(path: string): string {
    return path === '' ? this.#context.directory : `${this.#context.directory}/${path}`;
  }
}

function isIn(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}
