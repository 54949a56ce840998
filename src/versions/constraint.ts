import semver from 'semver';
import type { Interval } from './interval.ts';

/** Limit for hostile texts, in characters. */
const LONGEST = 4096;

/**
 * Parses a version constraint like `>= 1.2, < 1.4 || = 2.0`. For npm and cargo it is a range of semver, with `^`, `~`
 * and `x`. For others, adjacent comparisons must all hold, `||` separates alternatives, and Maven's `[1.0,2.0)` is
 * accepted.
 *
 * @param type of the package URL
 * @returns undefined for an invalid constraint
 */
export function intervalsOf(text: string, type: string): Interval[] | undefined {
  if (text.length > LONGEST) return undefined;
  if (type === 'npm' || type === 'cargo') return ofSemver(text);
  const intervals: Interval[] = [];
  for (const alternative of text.split('||')) {
    const found = /^\s*[[(]/.test(alternative) ? mavenIntervals(alternative) : comparisons(alternative);
    if (found === undefined) return undefined;
    intervals.push(...found);
  }
  return intervals;
}

function ofSemver(text: string): Interval[] | undefined {
  let range: semver.Range;
  try {
    // Some advisories separate comparisons by commas.
    range = new semver.Range(text.replaceAll(',', ' '), { loose: true, includePrerelease: true });
  } catch {
    return undefined;
  }
  return range.set.map((comparators) =>
    comparators.reduce<Interval>((interval, { operator, semver: version }) => {
      // `*` has no version.
      return version instanceof semver.SemVer
        ? narrowed(interval, operator || '=', version.version)
        : interval;
    }, {}),
  );
}

function comparisons(text: string): Interval[] | undefined {
  const pattern = /\s*(?:,\s*)?(<=|>=|==|=|<|>)?\s*([^\s,<>=|]+)\s*/gy;
  let interval: Interval = {};
  let end = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    end = pattern.lastIndex;
    const [, operator = '=', version = ''] = match;
    if (version !== '*') interval = narrowed(interval, operator, version);
  }
  return text.trim() !== '' && end === text.length ? [interval] : undefined;
}

function mavenIntervals(text: string): Interval[] | undefined {
  const intervals: Interval[] = [];
  const pattern = /\s*,?\s*([[(])\s*([^,[\]()]*?)\s*(?:(,)\s*([^,[\]()]*?)\s*)?([\])])\s*/gy;
  let end = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    end = pattern.lastIndex;
    const [, open, from = '', comma, to = '', close] = match;
    const last = comma === undefined ? from : to;
    intervals.push({
      ...(from !== '' && { from }),
      ...(from !== '' && open === '(' && { fromExcluded: true as const }),
      ...(last !== '' && { to: last }),
      ...(last !== '' && close === ']' && { toIncluded: true as const }),
    });
  }
  return end === text.length ? intervals : undefined;
}

/** An interval narrowed by one more comparison. Of two bounds on one side, the later one replaces the other. */
function narrowed(interval: Interval, operator: string, version: string): Interval {
  switch (operator) {
    case '>':
      return { ...interval, from: version, fromExcluded: true };
    case '>=':
      return withoutExclusion({ ...interval, from: version });
    case '<':
      return { ...interval, to: version };
    case '<=':
      return { ...interval, to: version, toIncluded: true };
    default:
      return { from: version, to: version, toIncluded: true };
  }
}

function withoutExclusion({ fromExcluded: _, ...interval }: Interval): Interval {
  return interval;
}
