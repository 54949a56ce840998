import { dirname, isAbsolute, join, normalize } from 'node:path';
import { nameOfBytes } from '../layer/names.ts';
import { damaged } from './git-error.ts';
import type { RepositoryFiles } from './repository-files.ts';

/** Maximum bytes of a text file of a repository: HEAD, config, packed-refs. */
const MOST_TEXT = 64 << 20;
const MOST_LINKS = 10;

/** The paths of a repository. */
export interface Place {
  /** The working tree. */
  worktree: string;
  /** The folder with HEAD: `.git`, or that of an additional working tree. */
  folder: string;
  /** The folder with objects and branches: differs from `folder` for an additional working tree. */
  common: string;
}

/** The references of a repository: HEAD, branches, tags. */
export class References {
  constructor(
    private readonly files: RepositoryFiles,
    private readonly place: Pick<Place, 'folder' | 'common'>,
  ) {}

  /** Follows symbolic references. @returns the last reference, and its object; absent for a branch without commits */
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

  /** The references of `packed-refs`, by name. */
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

/** Finds `.git` in a directory or its parents. */
export function findPlace(files: RepositoryFiles, directory: string): Place | undefined {
  for (let at = directory; ; at = dirname(at)) {
    const dot = join(at, '.git');
    if (files.isDirectory(dot)) {
      // Without HEAD the folder is not a repository.
      if (text(files, `${dot}/HEAD`) !== undefined) return { worktree: at, ...withCommon(files, dot) };
    } else {
      const link = text(files, dot);
      const target = link === undefined ? undefined : /^gitdir: (.+?)\n*$/.exec(link)?.[1];
      if (target !== undefined) return { worktree: at, ...withCommon(files, inside(at, target)) };
    }
    if (dirname(at) === at) return undefined;
  }
}

/** The folder of an additional working tree names the common one with the objects. */
function withCommon(files: RepositoryFiles, folder: string): { folder: string; common: string } {
  const common = text(files, `${folder}/commondir`)?.trim();
  return { folder, common: common ? inside(folder, common) : folder };
}

/** Resolves a path in a file of a folder: absolute, or relative to the folder. */
export function inside(folder: string, path: string): string {
  return isAbsolute(path) ? normalize(path) : join(folder, path);
}

/** Whether a name is a valid reference, which does not lead out of the repository. */
export function isRefName(name: string): boolean {
  return (
    name.startsWith('refs/') &&
    !name.includes('\0') &&
    !name.split('/').some((part) => part === '..' || part === '')
  );
}

/** A small text file; undefined if it is missing. @throws JettisonError `GIT_LIMIT` */
export function text(files: RepositoryFiles, path: string): string | undefined {
  const bytes = files.read(path, MOST_TEXT);
  return bytes && nameOfBytes(bytes);
}
