import { cleanPattern, compilePattern, PatternError } from '../context/pattern.ts';
import { closest } from '../errors/closest.ts';
import { JettisonError } from '../errors/error.ts';
import { size as inUnits } from '../events/units.ts';
import { packedBytes } from './diff.ts';
import type { Inspection } from './inspection.ts';
import { madeBy } from './instructions.ts';
import { bytesOf, filesOf } from './leaf.ts';

/** The rules for an image: `package.json#jettison.budget`, or `budget` in `jettison.json`. */
export interface Budget {
  /** Bytes of the final tree: a number, or e.g. `150MB` (units of 1000) or `150MiB` (of 1024). */
  size?: number | string;
  /** Bytes to pull. */
  packed?: number | string;
  layers?: number;
  files?: number;
  /** Wasted bytes, or their share of all shipped bytes: `5%`; of several values the strictest counts. */
  waste?: number | string | (number | string)[];
  /** How much larger than another image it may be: bytes, or a share of that image's size. */
  growth?: { against: string; size?: number | string; packed?: number | string };
  /** Patterns as in .dockerignore, relative to the image's root: `**` + `/.git`, `root/.npm`. */
  forbidPaths?: string[];
  /** `NAME`, `NAME@VERSION`, or `TYPE:NAME`. */
  forbidPackages?: string[];
  /** The image's user must not be root. */
  nonRoot?: boolean;
  healthcheck?: boolean;
  noShell?: boolean;
  /** No npm packages that only development needs. */
  noDevPackages?: boolean;
}

/** A rule, whether the image keeps it, and the largest causes. */
export interface Verdict {
  rule: string;
  ok: boolean;
  /** For people: `182MB of 150MB`. */
  text: string;
  limit?: number | boolean | string;
  actual?: number | boolean | string;
  /** Largest first. */
  causes: string[];
}

const MOST_CAUSES = 5;

type Check<K extends keyof Budget> = (limit: NonNullable<Budget[K]>, on: Judged) => Omit<Verdict, 'rule'>;

interface Judged {
  inspection: Inspection;
  /** The image that `growth` names. */
  reference: Inspection | undefined;
}

/** Every rule: how it is judged, and which causes it lists. */
const RULES: { [K in keyof Required<Budget>]: Check<K> } = {
  size: (limit, { inspection }) =>
    atMost(inspection.census.treeBytes, bytes('size', limit), largestOwners(inspection)),
  packed: (limit, { inspection }) =>
    atMost(packedBytes(inspection), bytes('packed', limit), largestLayers(inspection)),
  layers: (limit, { inspection }) => counted(inspection.image.layers.length, whole('layers', limit), []),
  files: (limit, { inspection }) =>
    counted(inspection.census.treeFiles, whole('files', limit), largestOwners(inspection, 'files')),
  waste(limit, { inspection: { census } }) {
    const { wasteBytes, shippedBytes } = census;
    const causes = census.waste
      .slice(0, MOST_CAUSES)
      .map(
        ({ path, bytes: wasted, reason, by }) => `/${path} ${inUnits(wasted)}, ${reason} by layer ${by + 1}`,
      );
    return atMost(
      wasteBytes,
      Math.min(...[limit].flat().map((one) => part('waste', one, shippedBytes))),
      causes,
    );
  },
  growth(limit, { inspection, reference }) {
    if (reference === undefined) throw invalid('growth', 'it names no image: write "against"');
    const verdicts = (['size', 'packed'] as const).flatMap((what) => {
      const allowed = limit[what];
      if (allowed === undefined) return [];
      const of = (one: Inspection) => (what === 'size' ? one.census.treeBytes : packedBytes(one));
      const grown = of(inspection) - of(reference);
      return [
        atMost(grown, part('growth', allowed, of(reference)), largestOwners(inspection), `${what} grew by `),
      ];
    });
    const bad = verdicts.find(({ ok }) => !ok) ?? verdicts[0];
    if (bad === undefined) throw invalid('growth', 'it has neither "size" nor "packed"');
    return bad;
  },
  forbidPaths(patterns, { inspection: { census } }) {
    const found = patterns.flatMap((pattern) => {
      const matches = pathTest(pattern);
      const [path] = [...census.leaves.keys()].filter(matches);
      return path === undefined ? [] : [`/${path} (${pattern})`];
    });
    return none(found, 'forbidden path');
  },
  forbidPackages(names, { inspection: { census } }) {
    const found = [...census.packages.values()].filter(({ type, name, version }) =>
      names.some((one) => one === name || one === `${name}@${version}` || one === `${type}:${name}`),
    );
    return none(
      found.map(({ name, version, path }) => `${name}@${version} (/${path})`),
      'forbidden package',
    );
  },
  nonRoot(wanted, { inspection }) {
    const user = inspection.image.config.config?.User ?? '';
    const isRoot = /^(|0|root)(:|$)/.test(user);
    return {
      ok: !wanted || !isRoot,
      text: isRoot ? 'it runs as root' : `it runs as ${user}`,
      actual: user,
      causes: [],
    };
  },
  healthcheck(wanted, { inspection }) {
    const test = inspection.image.config.config?.Healthcheck?.Test;
    const has = test !== undefined && test[0] !== 'NONE' && test.length > 0;
    return {
      ok: !wanted || has,
      text: has ? 'it has a health check' : 'it has no health check',
      actual: has,
      causes: [],
    };
  },
  noShell(wanted, { inspection }) {
    const found = shellsOf(inspection);
    return { ...none(found, 'shell'), ok: !wanted || found.length === 0 };
  },
  noDevPackages(wanted, { inspection: { census } }) {
    const found = [...census.packages.values()].filter(({ dev }) => dev);
    return {
      ...none(
        found.map(({ name, version }) => `${name}@${version}`),
        'development package',
      ),
      ok: !wanted || found.length === 0,
    };
  },
};

/**
 * Compares an image with a budget.
 *
 * @returns a verdict a rule, in the order of the table above
 * @throws JettisonError `BUDGET_INVALID`
 */
export function judge(budget: Budget, on: Judged): Verdict[] {
  return (Object.keys(RULES) as (keyof Budget)[]).flatMap((rule) => {
    const limit = budget[rule];
    if (limit === undefined || limit === false) return [];
    return [{ rule, ...(RULES[rule] as Check<typeof rule>)(limit as never, on) }];
  });
}

/**
 * A budget from a JSON value, every member checked.
 *
 * @param where for messages: `jettison.json`
 * @throws JettisonError `BUDGET_INVALID`
 */
export function readBudget(value: unknown, where: string): Budget {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw invalid(where, 'the budget is not an object');
  }
  for (const [key, limit] of Object.entries(value)) {
    if (key === '$schema') continue;
    if (!Object.hasOwn(RULES, key)) {
      const meant = closest(key, new Set(Object.keys(RULES)));
      throw invalid(
        where,
        `unknown rule "${key}"`,
        meant === undefined ? undefined : `Did you mean "${meant}"?`,
      );
    }
    const isList = key.startsWith('forbid');
    const isFlag = ['nonRoot', 'healthcheck', 'noShell', 'noDevPackages'].includes(key);
    const isRight = isList
      ? Array.isArray(limit) && limit.every((one) => typeof one === 'string')
      : isFlag
        ? typeof limit === 'boolean'
        : key === 'growth'
          ? limit !== null &&
            typeof limit === 'object' &&
            typeof (limit as { against?: unknown }).against === 'string'
          : [limit].flat().every((one) => typeof one === 'number' || typeof one === 'string') &&
            (key === 'waste' || !Array.isArray(limit));
    if (!isRight) throw invalid(where, `invalid value of "${key}": ${JSON.stringify(limit)}`);
  }
  return value as Budget;
}

/**
 * The budget of a `.dive-ci` file. dive's efficiency is taken as the share of the final tree in all shipped bytes; dive
 * itself counts a path that occurs twice by its smallest size, which differs where files change their size.
 *
 * @throws JettisonError `BUDGET_INVALID`
 */
export function readDiveRules(text: string, where: string): Budget {
  const waste: (number | string)[] = [];
  for (const line of text.split('\n')) {
    const [, key, value] = /^\s+([A-Za-z]+):\s*["']?([^"'#\s]+)/.exec(line) ?? [];
    if (key === undefined || value === 'disabled') continue;
    const number = Number(value);
    if (key === 'highestWastedBytes') waste.push(value!);
    else if (key === 'lowestEfficiency' && Number.isFinite(number))
      waste.push(`${Math.round((1 - number) * 1e6) / 1e4}%`);
    else if (key === 'highestUserWastedPercent' && Number.isFinite(number)) waste.push(`${number * 100}%`);
    else throw invalid(where, `unknown rule "${key}"`);
  }
  return { waste };
}

/** Shells of an image: paths of programs that run scripts. */
export function shellsOf({ census }: Inspection): string[] {
  const paths = ['bin', 'usr/bin', 'usr/local/bin', 'sbin', 'busybox'].flatMap((folder) =>
    ['sh', 'bash', 'dash', 'ash', 'zsh', 'ksh', 'busybox'].map((name) => `${folder}/${name}`),
  );
  const real = paths.flatMap((path) => (census.leaf(path) === undefined ? [] : (census.real(path) ?? path)));
  return [...new Set(real)].map((path) => `/${path}`);
}

function atMost(actual: number, limit: number, causes: string[], before = ''): Omit<Verdict, 'rule'> {
  return {
    ok: actual <= limit,
    text: `${before}${inUnits(Math.max(0, actual))} of ${inUnits(limit)}`,
    limit,
    actual,
    causes,
  };
}

function counted(actual: number, limit: number, causes: string[]): Omit<Verdict, 'rule'> {
  return { ok: actual <= limit, text: `${actual} of ${limit}`, limit, actual, causes };
}

function none(found: string[], noun: string): Omit<Verdict, 'rule'> {
  const count = found.length;
  return {
    ok: count === 0,
    text: count === 0 ? `no ${noun}` : `${count} ${noun}${count === 1 ? '' : 's'}`,
    actual: count,
    causes: found.slice(0, MOST_CAUSES),
  };
}

/** The largest packages, and kinds of files that no package owns, by their bytes. */
function largestOwners({ census }: Inspection, by: 'bytes' | 'files' = 'bytes'): string[] {
  const amounts = new Map<string, number>();
  for (const leaf of census.leaves.values()) {
    const name =
      leaf.owner === undefined
        ? `${leaf.kind ?? 'unowned'} files`
        : `${leaf.owner.name}@${leaf.owner.version}`;
    const more = by === 'bytes' ? bytesOf(leaf) : filesOf(leaf);
    amounts.set(name, (amounts.get(name) ?? 0) + more);
  }
  return [...amounts]
    .sort(([, a], [, b]) => b - a)
    .slice(0, MOST_CAUSES)
    .map(([name, amount]) => `${name} ${by === 'bytes' ? inUnits(amount) : `${amount} files`}`);
}

function largestLayers({ image, instructions }: Inspection): string[] {
  return image.layers
    .map(({ blob }, at) => ({
      packed: blob.size,
      text: madeBy(instructions, at)?.text ?? '',
    }))
    .sort((a, b) => b.packed - a.packed)
    .slice(0, MOST_CAUSES)
    .map(({ packed, text }) => `${inUnits(packed)} ${text.split('\n', 1)[0]}`);
}

function pathTest(pattern: string): (path: string) => boolean {
  try {
    const { matches } = compilePattern(cleanPattern(pattern.replace(/^\/+/, '')));
    return (path) => {
      // A directory's name covers all that is in it.
      for (let at = path; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('/'))))
        if (matches(at)) return true;
      return false;
    };
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw invalid('forbidPaths', `invalid pattern "${pattern}"`);
  }
}

const UNITS: Record<string, number> = {
  '': 1,
  b: 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  ki: 2 ** 10,
  mi: 2 ** 20,
  gi: 2 ** 30,
};

function bytes(rule: string, value: number | string): number {
  if (typeof value === 'number') return value;
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmg]i?)?b?$/i.exec(value.trim()) ?? [];
  if (number === undefined) throw invalid(rule, `invalid size "${value}"`, 'Write e.g. 150MB or 150MiB.');
  return Number(number) * UNITS[unit.toLowerCase()]!;
}

/** Parses bytes, or a share: `5%`. */
function part(rule: string, value: number | string, of: number): number {
  const percent = typeof value === 'string' ? /^(\d+(?:\.\d+)?)\s*%$/.exec(value.trim())?.[1] : undefined;
  return percent === undefined ? bytes(rule, value) : (Number(percent) / 100) * of;
}

function whole(rule: string, value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value;
  throw invalid(rule, `invalid number "${String(value)}"`);
}

function invalid(where: string, reason: string, hint?: string): JettisonError {
  return new JettisonError('BUDGET_INVALID', `invalid budget: ${where}: ${reason}`, {
    hint: hint ?? '`jettison budget --help` lists the rules.',
    exitCode: 2,
  });
}
