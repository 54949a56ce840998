import semver from 'semver';
import type { Interval } from './interval.ts';

/** Of hostile ones no more is read. */
const LONGEST = 4096;

/**
 * The versions that a text like `>= 1.2, < 1.4 || = 2.0` stands for. For npm and cargo it is a range of semver, with
 * `^`, `~` and `x`; for the others comparisons in a row hold together, `||` is between alternatives, and Maven's
 * `[1.0,2.0)` is understood.
 *
 * @param type the type of a package URL
 * @returns undefined where it cannot be understood
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
    // A comma between comparisons is the habit of other advisories.
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

/** What is left of an interval under one more comparison; of two bounds on one side the later one is taken. */
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
