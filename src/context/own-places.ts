import { realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
import type { StoreLayout } from '../store/layout.ts';

/** Something that Jettison itself writes, and that is therefore never part of a build context. */
export interface OwnPlace {
  /** Absolute; nothing need be there yet. */
  path: string;
  /** Its description in messages: `the store`, `an output of this build`. */
  what: string;
}

/** An archive that is being written, or that a killed build left: `out.tar.123.partial`. */
const PARTIAL = /\.\d+\.partial$/;

/** Which paths of one context directory are Jettison's own: known by real path, directories by their inode as well. */
export class OwnPlaces {
  readonly #directory: string;
  readonly #paths = new Map<string, string>();
  /** Of directories, by inode number: `device what`. A bind mount shows one under another path. */
  readonly #inodes = new Map<bigint, { device: bigint; what: string }>();

  /** @param directory absolute real path of the context */
  constructor(directory: string, places: readonly OwnPlace[]) {
    this.#directory = directory;

    for (const { path, what } of places) this.#add(path, what);
  }

  /** The place of Jettison's own at a path of the context, if any. */
  at(path: string): string | undefined {
    if (this.#paths.size === 0) return undefined;
    return this.#paths.get(path) ?? this.#paths.get(path.replace(PARTIAL, ''));
  }

  /** The same by what has been found there. */
  is(stat: { ino: bigint; dev: bigint; isDirectory(): boolean }): string | undefined {
    const known = this.#inodes.get(stat.ino);
    return known !== undefined && known.device === stat.dev && stat.isDirectory() ? known.what : undefined;
  }

  /** The same of a path or anything above it. */
  covering(path: string): string | undefined {
    for (let at = path; at !== '' && at !== '.'; at = dirname(at)) {
      const what = this.at(at);
      if (what !== undefined) return what;
    }
    return undefined;
  }

  #add(path: string, what: string): void {
    // A symlink in the context is replaced, or written through.
    for (const real of [join(realOf(dirname(path)), basename(path)), realOf(path)]) {
      const inside = relative(this.#directory, real);
      const isInside = inside !== '' && inside !== '..' && !inside.startsWith(`..${sep}`);
      // A folder that holds the context, or is it, cannot be left out of it.
      if (isInside) this.#paths.set(inside.split(sep).join('/'), what);
      else if (`${this.#directory}${sep}`.startsWith(real === sep ? sep : `${real}${sep}`)) return;
    }
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (stat?.isDirectory()) this.#inodes.set(stat.ino, { device: stat.dev, what });
  }
}

/** The places of a store. @param directory absolute real path of the context: it may be the store's own folder */
export function storePlaces(layout: StoreLayout, directory: string): OwnPlace[] {
  const { home, ...parts } = layout;
  if (realOf(home) !== directory) return [{ path: home, what: 'the store' }];
  const paths = Object.values(parts).filter((part): part is string => typeof part === 'string');
  return paths.map((path) => ({ path: join(home, relative(home, path).split(sep)[0]!), what: 'the store' }));
}

/** The real path of a file whose last parts may not exist yet. */
function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realOf(parent), basename(path));
  }
}
