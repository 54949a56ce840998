import { dirname, isAbsolute, join, normalize } from 'node:path';
import { nameOfBytes } from '../layer/names.ts';
import { damaged } from './git-error.ts';
import type { RepositoryFiles } from './repository-files.ts';

/** Text files of a repository: HEAD, config, packed-refs. */
const MOST_TEXT = 64 << 20;
const MOST_LINKS = 10;

/** Where a working tree's repository is. */
export interface Place {
  /** The directory that was checked out. */
  worktree: string;
  /** Whose HEAD it is. */
  folder: string;
  /** Where objects and branches are: another one for an additional working tree. */
  common: string;
}

/** What the references of a repository stand for: HEAD, branches, tags. */
export class References {
  constructor(
    private readonly files: RepositoryFiles,
    private readonly place: Pick<Place, 'folder' | 'common'>,
  ) {}

  /** @returns the object that it leads to in the end, and the last reference on the way, which may lead nowhere yet */
  follow(name: string): { id?: string; ref?: string } {
    let at = name;
    for (let links = 0; links < MOST_LINKS; links++) {
      const value = this.#read(at);
      const target = value === undefined ? undefined : /^ref:\s*(\S+)$/.exec(value)?.[1];
      if (target === undefined) return { ref: at, ...(value === undefined ? {} : { id: value }) };
      if (!isRefName(target)) throw damaged(`${at} refers to "${target}"`);
      at = target;
    }
    throw damaged(`${name} refers to itself`);
  }

  #read(name: string): string | undefined {
    const { folder, common } = this.place;
    for (const directory of new Set([folder, common])) {
      const found = text(this.files, `${directory}/${name}`)?.trim();
      if (found) return found;
    }
    return this.packed().get(name);
  }

  /** The references that have no file of their own, by name. */
  packed(): Map<string, string> {
    const lines = text(this.files, `${this.place.common}/packed-refs`)?.split('\n') ?? [];
    return new Map(
      lines.flatMap((line) => {
        const [, id, name] = /^([0-9a-f]{40,64}) (\S+)$/.exec(line) ?? [];
        return id === undefined ? [] : [[name!, id] as const];
      }),
    );
  }
}

/** Looks for `.git` in a directory and those above it. */
export function findPlace(files: RepositoryFiles, directory: string): Place | undefined {
  for (let at = directory; ; at = dirname(at)) {
    const dot = join(at, '.git');
    if (files.isDirectory(dot)) {
      // A folder of that name alone is not a repository.
      if (text(files, `${dot}/HEAD`) !== undefined) return { worktree: at, ...withCommon(files, dot) };
    } else {
      const link = text(files, dot);
      const target = link === undefined ? undefined : /^gitdir: (.+?)\n*$/.exec(link)?.[1];
      if (target !== undefined) return { worktree: at, ...withCommon(files, inside(at, target)) };
    }
    if (dirname(at) === at) return undefined;
  }
}

/** An additional working tree has a folder of its own, which names the one with the objects. */
function withCommon(files: RepositoryFiles, folder: string): { folder: string; common: string } {
  const common = text(files, `${folder}/commondir`)?.trim();
  return { folder, common: common ? inside(folder, common) : folder };
}

/** A path as a file in a folder names it: absolute, or from there. */
export function inside(folder: string, path: string): string {
  return isAbsolute(path) ? normalize(path) : join(folder, path);
}

/** Names of files below the repository: none leads out of it. */
export function isRefName(name: string): boolean {
  return (
    name.startsWith('refs/') &&
    !name.includes('\0') &&
    !name.split('/').some((part) => part === '..' || part === '')
  );
}

/** A small text file; undefined where there is none. @throws JettisonError `GIT_LIMIT` */
export function text(files: RepositoryFiles, path: string): string | undefined {
  const bytes = files.read(path, MOST_TEXT);
  return bytes && nameOfBytes(bytes);
}
