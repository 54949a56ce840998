import type { Census } from './census.ts';
import { bareId, type Package } from './package.ts';

/** Why a package is in an image: what requires it. */
export interface Asked {
  /** The packages in between: the nearest first; a file requires the last one directly. */
  chain: Package[];
  /** The file that requires the last of them, or the package itself. */
  asker: Package['askedBy'];
}

/** Finds the shortest chain of dependencies from a file's direct dependencies to each package. */
export function askedBy(census: Census): (of: Package) => Asked {
  const askers = new Map<string, Package[]>();
  for (const one of census.packages.values()) {
    for (const id of one.requires ?? []) {
      const known = askers.get(bareId(id));
      if (known === undefined) askers.set(bareId(id), [one]);
      else known.push(one);
    }
  }
  return (of) => shortest(of, askers);
}

function shortest(of: Package, askers: ReadonlyMap<string, Package[]>): Asked {
  const before = new Map<Package, Package | undefined>([[of, undefined]]);
  const todo = [of];
  for (const one of todo) {
    const isRoot = one.kind === 'application';
    if (one.askedBy !== undefined || isRoot) {
      const chain: Package[] = [];
      // From the direct dependency back to the package.
      for (let at: Package | undefined = one; at !== undefined && at !== of; at = before.get(at)) {
        if (!(isRoot && at === one)) chain.unshift(at);
      }
      return { chain, asker: one.askedBy ?? { path: `${one.path}/package.json` } };
    }
    for (const asker of askers.get(bareId(one.id)) ?? []) {
      if (before.has(asker)) continue;
      before.set(asker, one);
      todo.push(asker);
    }
  }
  const [nearest] = askers.get(bareId(of.id)) ?? [];
  return { chain: nearest === undefined ? [] : [nearest], asker: undefined };
}
