import { fromVector } from 'ae-cvss-calculator';
import { membersOf, textsOf } from '../fields/json-values.ts';
import { fixedVersions, type Interval } from '../versions/interval.ts';
import { type Advisory, type AdvisoryQuery, highestScore, type Severity } from './advisory.ts';
import { databaseKey, scopeOf } from './database-key.ts';

/** Types of package URLs, by OSV's ecosystems. */
const ECOSYSTEMS: Record<string, string> = {
  npm: 'npm',
  PyPI: 'pypi',
  Go: 'golang',
  Maven: 'maven',
  'crates.io': 'cargo',
};
const DISTRIBUTIONS: Record<string, { type: string; id: string }> = {
  Debian: { type: 'deb', id: 'debian' },
  Ubuntu: { type: 'deb', id: 'ubuntu' },
  Alpine: { type: 'apk', id: 'alpine' },
  Wolfi: { type: 'apk', id: 'wolfi' },
  Chainguard: { type: 'apk', id: 'chainguard' },
};
/** Words for severities of GitHub, Debian and Ubuntu. */
const LEVELS: Record<string, Severity> = {
  critical: 'critical',
  high: 'high',
  moderate: 'medium',
  medium: 'medium',
  low: 'low',
  negligible: 'low',
  unimportant: 'low',
};

interface OsvEvent {
  introduced?: string;
  fixed?: string;
  last_affected?: string;
}

/** The members of an OSV record that are read here: https://ossf.github.io/osv-schema. */
interface OsvRecord {
  id: string;
  modified?: string;
  published?: string;
  withdrawn?: string;
  aliases?: string[];
  upstream?: string[];
  summary?: string;
  details?: string;
  severity?: { type: string; score: string }[];
  affected?: {
    package?: { ecosystem?: string; name?: string };
    ranges?: { type: string; events?: OsvEvent[] }[];
    versions?: string[];
    severity?: { type: string; score: string }[];
    ecosystem_specific?: Record<string, unknown>;
    database_specific?: Record<string, unknown>;
  }[];
  references?: { url?: string }[];
  database_specific?: Record<string, unknown>;
}

/** What an OSV record says of each package: under which key it belongs, and in which scope that is. */
export function readOsv(record: unknown): { scope: string; key: string; advisory: Advisory }[] {
  if (!isRecord(record) || record.withdrawn !== undefined) return [];
  return (record.affected ?? []).flatMap((affected) => {
    const { ecosystem = '', name = '' } = affected.package ?? {};
    const scope = scopeFor(ecosystem);
    if (scope === undefined || name === '') return [];
    const vulnerable = [
      ...(affected.ranges ?? [])
        .filter(({ type }) => type !== 'GIT')
        .flatMap(({ events = [] }) => intervals(events)),
      ...((affected.ranges ?? []).some(({ type }) => type !== 'GIT')
        ? []
        : (affected.versions ?? []).map(exactly)),
    ];
    if (vulnerable.length === 0) return [];
    const fixedIn = fixedVersions(vulnerable);
    const scores = [...(affected.severity ?? []), ...(record.severity ?? [])];
    const [id, ...aliases] = idsOf(record);
    return {
      scope,
      key: databaseKey(scope, name),
      advisory: {
        ...{ id: id!, aliases, vulnerable, safe: [], fixedIn },
        status: fixedIn.length > 0 ? 'fixed' : 'affected',
        ...severityOf(record, affected, scores),
        ...(record.summary && { title: record.summary }),
        cvss: scores.flatMap(cvssOf),
        cwes: textsOf(record.database_specific?.['cwe_ids']),
        references: (record.references ?? []).flatMap(({ url }) => url ?? []).slice(0, 5),
        ...(record.published && { published: record.published }),
        publisher: `OSV, ${ecosystem}`,
      } satisfies Advisory,
    };
  });
}

/**
 * What an entry of Node's own index of vulnerabilities says (nodejs/security-wg, vuln/core/index.json).
 *
 * @param key its number there: the id of a flaw that has no CVE
 */
export function readNodeCore(
  key: string,
  entry: unknown,
  intervalsOf: (text: string) => Interval[] | undefined,
): { scope: string; key: string; advisory: Advisory } | undefined {
  const said = membersOf(entry);
  const text = (name: string) => (typeof said[name] === 'string' ? said[name] : '');
  const vulnerable = text('vulnerable') === '' ? undefined : intervalsOf(text('vulnerable'));
  if (vulnerable === undefined) return undefined;
  const [id, ...aliases] = textsOf(said['cve']);
  const level = LEVELS[text('severity').toLowerCase()];
  const safe = text('patched') === '' ? [] : (intervalsOf(text('patched')) ?? []);
  return {
    scope: 'generic',
    key: databaseKey('generic', 'node'),
    advisory: {
      ...{ id: id ?? `NODE-CORE-${key}`, aliases, vulnerable, safe },
      fixedIn: safe.flatMap(({ from, fromExcluded }) => (from === undefined || fromExcluded ? [] : from)),
      status: safe.length > 0 ? 'fixed' : 'affected',
      severity: level ?? 'unknown',
      ...(level !== undefined && { severityBy: 'nodejs' }),
      ...(text('description') !== '' && { title: text('description') }),
      ...{ cvss: [], cwes: [], references: text('ref') === '' ? [] : [text('ref')] },
      publisher: 'Node.js Security Working Group',
    },
  };
}

function scopeFor(ecosystem: string): string | undefined {
  const type = ECOSYSTEMS[ecosystem];
  if (type !== undefined) return type;
  const [name = '', release = ''] = ecosystem.split(':');
  const distribution = DISTRIBUTIONS[name];
  if (distribution === undefined) return undefined;
  return scopeOf({
    type: distribution.type,
    distribution: { id: distribution.id, version: release.replace(/^v/, '') },
  });
}

/** OSV's name for what a package is looked up in: `npm`, `Debian:12`, `Alpine:v3.20`; undefined where it has none. */
export function ecosystemOf({ type, distribution }: AdvisoryQuery): string | undefined {
  if (distribution === undefined) return keyOf(ECOSYSTEMS, (one) => one === type);
  const { id, version = '' } = distribution;
  const name = keyOf(DISTRIBUTIONS, (one) => one.id === id && one.type === type);
  const parts = version.split('.');
  const release = {
    Debian: parts[0]!,
    // Long-term releases come every second April.
    Ubuntu: Number(parts[0]) % 2 === 0 && parts[1] === '04' ? `${version}:LTS` : version,
    Alpine: `v${parts.slice(0, 2).join('.')}`,
  }[name ?? ''];
  return name === undefined || release === undefined ? name : `${name}:${release}`;
}

function keyOf<T>(table: Record<string, T>, matches: (value: T) => boolean): string | undefined {
  return Object.entries(table).find(([, value]) => matches(value))?.[0];
}

/** The events of a range, each beginning with its end. */
function intervals(events: readonly OsvEvent[]): Interval[] {
  const found: Interval[] = [];
  let open: Interval | undefined;
  for (const { introduced, fixed, last_affected: last } of events) {
    if (introduced !== undefined) {
      if (open !== undefined) found.push(open);
      open = introduced === '0' ? {} : { from: introduced };
    } else if (open !== undefined && (fixed ?? last) !== undefined) {
      found.push(fixed !== undefined ? { ...open, to: fixed } : { ...open, to: last!, toIncluded: true });
      open = undefined;
    }
  }
  if (open !== undefined) found.push(open);
  return found;
}

function exactly(version: string): Interval {
  return { from: version, to: version, toIncluded: true };
}

/** The id of the CVE first: it is the one that others know. */
function idsOf({ id, aliases = [], upstream = [] }: OsvRecord): string[] {
  const all = [...new Set([id, ...aliases, ...upstream])];
  const known = all.find((one) => /^CVE-/.test(one));
  return known === undefined ? all : [known, ...all.filter((one) => one !== known)];
}

function severityOf(
  record: OsvRecord,
  affected: NonNullable<OsvRecord['affected']>[number],
  scores: { type: string; score: string }[],
): Pick<Advisory, 'severity' | 'severityBy'> {
  if (/^MAL-/.test(record.id)) return { severity: 'critical', severityBy: 'malware' };
  const words: [unknown, string][] = [
    [affected.ecosystem_specific?.['urgency'], 'distribution'],
    [scores.find(({ type }) => type === 'Ubuntu')?.score, 'ubuntu'],
    [affected.database_specific?.['severity'], 'osv'],
    [record.database_specific?.['severity'], 'ghsa'],
  ];
  for (const [word, severityBy] of words) {
    const level = typeof word === 'string' ? LEVELS[word.toLowerCase()] : undefined;
    if (level !== undefined) return { severity: level, severityBy };
  }
  const best = highestScore(scores.flatMap(cvssOf));
  const level =
    best >= 9 ? 'critical' : best >= 7 ? 'high' : best >= 4 ? 'medium' : best > 0 ? 'low' : 'unknown';
  return { severity: level, ...(best > 0 && { severityBy: 'cvss' }) };
}

function cvssOf({ type, score: vector }: { type: string; score: string }): Advisory['cvss'] {
  if (!/^CVSS/.test(type) || vector.length > 200) return [];
  try {
    const { overall } = fromVector(vector)!.calculateScores() as { overall?: number };
    return [{ by: 'osv', vector, ...(typeof overall === 'number' && { score: overall }) }];
  } catch {
    return [{ by: 'osv', vector }];
  }
}

function isRecord(value: unknown): value is OsvRecord {
  const one = (value ?? {}) as Partial<OsvRecord>;
  const lists = [one.aliases, one.upstream, one.severity, one.affected, one.references];
  return (
    typeof one.id === 'string' &&
    lists.every((list) => list === undefined || Array.isArray(list)) &&
    (one.affected ?? []).every(
      (affected) =>
        typeof affected === 'object' &&
        affected !== null &&
        [affected.ranges, affected.versions, affected.severity].every(
          (list) => list === undefined || Array.isArray(list),
        ),
    )
  );
}
