import type { Inspection } from '../inspect/inspection.ts';
import type { Package } from '../inspect/package.ts';
import { ALPINE } from './alpine-releases.ts';
import { DEBIAN, NODE, UBUNTU } from './lifecycle-data.ts';

export { MADE as LIFECYCLES_MADE } from './lifecycle-data.ts';

/** How long a release of Node or of a distribution is supported, by data that is built in. */
export interface Lifecycle {
  /** `Node`, `Debian`. */
  product: string;
  /** The version that the image has. */
  version: string;
  /** The release that the dates are of: `18`, `3.20`. */
  cycle: string;
  /** When its support ends or has ended: `2025-04-30`. */
  end: string;
  ended: boolean;
  /** When paid or reduced support ends: Debian's LTS, Ubuntu Pro. */
  extended?: { name: string; end: string };
  /** Newer releases of the same line, or of the distribution, and the newest of them. */
  behind: number;
  newest: string;
  /** Of Node: the program. */
  path?: string;
}

interface Cycle {
  cycle: string;
  release: string;
  end: string;
  extended: string | undefined;
  /** Of Node: what follows the line's number, oldest first. */
  versions: string[];
}

interface Product {
  name: string;
  table: string;
  /** The release that a version is of. */
  cycleOf: (version: string) => string;
  extended?: string;
}

/** Node, and distributions by the ID of their os-release. */
const PRODUCTS: Record<string, Product> = {
  node: { name: 'Node', table: NODE, cycleOf: (version) => version.split('.')[0]! },
  debian: { name: 'Debian', table: DEBIAN, cycleOf: (version) => version.split('.')[0]!, extended: 'LTS' },
  ubuntu: { name: 'Ubuntu', table: UBUNTU, cycleOf: (version) => version, extended: 'Ubuntu Pro' },
  alpine: {
    ...{ name: 'Alpine', table: ALPINE },
    cycleOf: (version) => version.split('.').slice(0, 2).join('.'),
  },
};

/**
 * The lifecycles of an image's distribution and of each Node in it.
 *
 * @param today `2026-11-28`
 */
export function lifecyclesOf(
  { census, distribution }: Pick<Inspection, 'census' | 'distribution'>,
  today: string = new Date().toISOString().slice(0, 10),
): Lifecycle[] {
  const nodes = [...census.packages.values()].filter(isNode);
  return [
    ...(distribution?.version ? lifecycleOf(distribution.id, distribution.version, today) : []),
    ...nodes.flatMap(({ version, path }) =>
      lifecycleOf('node', version, today).map((one) => ({ ...one, path })),
    ),
  ];
}

/**
 * The lifecycle of a release: of `node`, or of a distribution by the ID of its os-release; empty where it is not known.
 *
 * @param today `2026-11-28`
 */
export function lifecycleOf(product: string, version: string, today: string): Lifecycle[] {
  const known = Object.hasOwn(PRODUCTS, product) ? PRODUCTS[product] : undefined;
  return known === undefined ? [] : lifecycle(known, version, today);
}

/** Node as its publisher builds it: distributions support their own builds themselves. */
function isNode({ type, name, partOf }: Package): boolean {
  return type === 'generic' && name === 'node' && partOf === undefined;
}

function lifecycle({ name, table, cycleOf, extended }: Product, version: string, today: string): Lifecycle[] {
  const cycles = parse(table);
  const at = cycles.findIndex(({ cycle }) => cycle === cycleOf(version));
  const found = cycles[at];
  if (found === undefined) return [];
  const newer =
    found.versions.length > 0
      ? found.versions.map((rest) => `${found.cycle}.${rest}`).filter((one) => isNewer(one, version))
      : cycles.slice(at + 1).flatMap(({ cycle, release }) => (release <= today ? cycle : []));
  return [
    {
      ...{ product: name, version, cycle: found.cycle, end: found.end, ended: found.end < today },
      ...(extended !== undefined &&
        found.extended !== undefined && { extended: { name: extended, end: found.extended } }),
      ...{ behind: newer.length, newest: newer.at(-1) ?? version },
    },
  ];
}

function parse(table: string): Cycle[] {
  return table
    .trim()
    .split('\n')
    .map((line) => {
      const [cycle = '', release = '', end = '', extended, ...versions] = line.split(' ');
      return { cycle, release, end, extended: extended === '-' ? undefined : extended, versions };
    });
}

/** Of two versions of three numbers. */
function isNewer(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => text.split('.').map(Number));
  const at = left!.findIndex((number, nth) => number !== right![nth]);
  return at >= 0 && left![at]! > (right![at] ?? 0);
}
