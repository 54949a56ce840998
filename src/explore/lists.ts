import type { Waste } from '../inspect/census.ts';
import type { DescribedPackage, ImageDescription } from '../inspect/describe.ts';
import type { Kind } from '../inspect/package.ts';
import { matcher } from './match.ts';

interface KindRow {
  kind: Kind;
  bytes: number;
  files: number;
}

/** The views of the right pane. */
export const VIEWS = ['files', 'packages', 'kinds', 'waste'] as const;
export type View = (typeof VIEWS)[number];

/** The lists beside the files, as filters and order have them. */
export class Lists {
  packages: readonly DescribedPackage[] = [];
  kinds: readonly KindRow[] = [];
  waste: readonly Waste[] = [];
  sort: 'size' | 'name' = 'size';

  constructor(private readonly description: ImageDescription) {}

  /** @param filters what was typed for each; empty: all rows */
  update(filters: Readonly<Record<View, string>>): void {
    const { packages, kinds, waste } = this.description;
    const all = Object.entries(kinds).map(([kind, amount]) => ({ kind: kind as Kind, ...amount }));
    this.packages = this.#listed(packages, filters.packages, ({ name, version }) => `${name} ${version}`);
    this.kinds = this.#listed(all, filters.kinds, ({ kind }) => kind);
    this.waste = this.#listed(waste, filters.waste, ({ path }) => `/${path}`);
  }

  #listed<T extends { bytes: number }>(all: readonly T[], filter: string, name: (one: T) => string): T[] {
    const matches = matcher(filter);
    const byName = (a: T, b: T) => (name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : 0);
    const isBySize = this.sort === 'size';
    return all
      .filter((one) => filter === '' || matches(name(one)))
      .sort((a, b) => (isBySize ? b.bytes - a.bytes : 0) || byName(a, b));
  }
}
