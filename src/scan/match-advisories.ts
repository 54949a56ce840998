import type { Advisory, AdvisoryQuery, AdvisorySource } from '../advisories/advisory.ts';
import type { Distribution } from '../inspect/inventory.ts';
import type { Package } from '../inspect/package.ts';
import { isWithin } from '../versions/interval.ts';
import { ORDERS, type VersionOrder } from '../versions/orders.ts';
import type { PlacedPackage } from './owned.ts';

/** An advisory that a package of the image is hit by. */
export interface Finding extends PlacedPackage {
  advisory: Advisory;
  /** The version that the advisory speaks of: of distributions, that of the source package. */
  version: string;
  /** The order of its versions. */
  order: VersionOrder;
  /** The nearest version without it. */
  fixedIn?: string;
  /** What an OpenVEX statement says of it. */
  vex?: { status: string; note?: string; from: string };
}

/** Packages that nothing could be said of, and why: never the same as "nothing found". */
export interface NotScanned {
  package: Package;
  reason: 'no-source' | 'version';
}

export interface Matches {
  findings: Finding[];
  /** How many packages were asked for. */
  scanned: number;
  notScanned: NotScanned[];
}

/** Asks the sources for each package, and keeps what holds for the version that is there. */
export async function match(
  packages: readonly PlacedPackage[],
  distribution: Distribution | undefined,
  sources: readonly AdvisorySource[],
): Promise<Matches> {
  const notScanned: NotScanned[] = [];
  const asked: { placed: PlacedPackage; query: AdvisoryQuery; order: VersionOrder }[] = [];
  for (const placed of packages) {
    const query = queryFor(placed.package, distribution);
    const order = orderFor(query.type);
    const isCovered = sources.some((source) => source.covers(query));
    if (!isCovered || order === undefined || !order.isVersion(query.version)) {
      notScanned.push({ package: placed.package, reason: isCovered ? 'version' : 'no-source' });
    } else asked.push({ placed, query, order });
  }
  const answers = await Promise.all(
    sources.map((source) =>
      answersOf(
        source,
        asked.map(({ query }) => query),
      ),
    ),
  );
  const unknown = asked.filter((_, at) => answers.every((answer) => answer[at] === undefined));
  notScanned.push(
    ...unknown.map(({ placed }) => ({ package: placed.package, reason: 'no-source' as const })),
  );
  const findings = asked.flatMap(({ placed, query, order }, at) =>
    distinct(
      answers.flatMap((answer) => answer[at] ?? []),
      ({ vulnerable, safe }) => {
        return isWithin(query.version, vulnerable, order) && !isWithin(query.version, safe, order);
      },
    ).map((advisory): Finding => {
      const fixedIn = nearest(query.version, advisory.fixedIn, order);
      return {
        ...placed,
        advisory,
        version: query.version,
        order,
        ...(fixedIn !== undefined && { fixedIn }),
      };
    }),
  );
  return { findings, scanned: asked.length - unknown.length, notScanned };
}

function queryFor(one: Package, distribution: Distribution | undefined): AdvisoryQuery {
  const isOfDistribution = one.type === 'deb' || one.type === 'apk' || one.type === 'rpm';
  if (!isOfDistribution) return { type: one.type, name: one.name, version: one.version };
  return {
    type: one.type,
    name: one.source?.name ?? one.name,
    version: one.source?.version ?? one.version,
    ...(distribution !== undefined && { distribution }),
  };
}

function orderFor(type: string): VersionOrder | undefined {
  return (ORDERS as Record<string, VersionOrder>)[type];
}

async function answersOf(
  source: AdvisorySource,
  queries: readonly AdvisoryQuery[],
): Promise<(Advisory[] | undefined)[]> {
  const own = queries.flatMap((query, at) => (source.covers(query) ? [at] : []));
  const found = await source.find(own.map((at) => queries[at]!));
  const answers: (Advisory[] | undefined)[] = queries.map(() => undefined);
  for (const [nth, at] of own.entries()) answers[at] = found[nth];
  return answers;
}

/**
 * The advisories that hold, each flaw once. Two publishers may have the same flaw, under one id or another: the first
 * one's word counts, also where it says that the version is not affected. One publisher may have several advisories with
 * an id: one a branch.
 */
function distinct(advisories: readonly Advisory[], holds: (advisory: Advisory) => boolean): Advisory[] {
  const publishers = new Map<string, string>();
  const shown = new Set<string>();
  return advisories.filter((advisory) => {
    const ids = [advisory.id, ...advisory.aliases];
    const { publisher } = advisory;
    if (ids.some((id) => (publishers.get(id) ?? publisher) !== publisher)) return false;
    for (const id of ids) publishers.set(id, publisher);
    if (!holds(advisory) || ids.some((id) => shown.has(id))) return false;
    for (const id of ids) shown.add(id);
    return true;
  });
}

/** The smallest fixed version that is newer than the one there. */
function nearest(version: string, fixedIn: readonly string[], order: VersionOrder): string | undefined {
  return fixedIn
    .filter((fixed) => order.isVersion(fixed) && order.compare(fixed, version) > 0)
    .sort(order.compare)[0];
}
