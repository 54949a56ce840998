import type { VersionOrder } from './orders.ts';

/** The versions from `from` to `to`; without a bound they have no end there. */
export interface Interval {
  from?: string;
  /** `from` itself is not in it. */
  fromExcluded?: true;
  to?: string;
  /** `to` itself is in it. */
  toIncluded?: true;
}

/** Whether one of them has the version. A bound that is no version holds nothing: the interval has no version then. */
export function isWithin(version: string, intervals: readonly Interval[], order: VersionOrder): boolean {
  return intervals.some(({ from, fromExcluded, to, toIncluded }) => {
    if ([from, to].some((bound) => bound !== undefined && !order.isVersion(bound))) return false;
    if (from !== undefined) {
      const difference = order.compare(version, from);
      if (difference < 0 || (difference === 0 && fromExcluded)) return false;
    }
    if (to === undefined) return true;
    const difference = order.compare(version, to);
    return difference < 0 || (difference === 0 && toIncluded === true);
  });
}
