import type { VersionOrder } from './orders.ts';

/** The versions from `from` up to `to`. An absent bound is infinite. */
export interface Interval {
  from?: string;
  /** Excludes `from` itself. */
  fromExcluded?: true;
  to?: string;
  /** Includes `to` itself. */
  toIncluded?: true;
}

/** Whether a version is in one of the intervals. An interval with an invalid bound is empty. */
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

/** The versions with which intervals end: in those a flaw is fixed. */
export function fixedVersions(vulnerable: readonly Interval[]): string[] {
  return [...new Set(vulnerable.flatMap(({ to, toIncluded }) => (to === undefined || toIncluded ? [] : to)))];
}
