import { type Fields, jsonOf, membersOf, textOf, textsOf } from '../../fields/json-values.ts';
import { intervalsOf } from '../../versions/constraint.ts';
import type { Interval } from '../../versions/interval.ts';
import type {
  Advisory,
  AdvisoryQuery,
  AdvisorySource,
  FixStatus,
  Severity,
  SourceInfo,
} from '../advisory.ts';
import { type BoltBucket, BoltDatabase } from '../bolt.ts';

/** The beginnings of the names of tables, by the type of a package URL: `npm::GitHub Security Advisory npm`. */
const LANGUAGES: Record<string, { prefix: string; name?: (name: string) => string }> = {
  npm: { prefix: 'npm::' },
  pypi: { prefix: 'pip::', name: (name) => name.toLowerCase().replaceAll('_', '-') },
  golang: { prefix: 'go::' },
  maven: { prefix: 'maven::' },
  cargo: { prefix: 'cargo::' },
};

/** The table of a distribution's release; of rolling ones there is one. */
const DISTRIBUTIONS: Record<string, (version: string) => string> = {
  debian: (version) => `debian ${version.split('.')[0]}`,
  ubuntu: (version) => `ubuntu ${version}`,
  alpine: (version) => `alpine ${version.split('.').slice(0, 2).join('.')}`,
  wolfi: () => 'wolfi',
  chainguard: () => 'chainguard',
};

/** In the order of their numbers. */
const LEVELS: Severity[] = ['unknown', 'low', 'medium', 'high', 'critical'];
const STATUSES: (FixStatus | 'unknown' | 'not-affected')[] = [
  'unknown',
  'not-affected',
  'affected',
  'fixed',
  'under-investigation',
  'will-not-fix',
  'fix-deferred',
  'end-of-life',
];

/** Who is believed first, after whoever published the advisory. */
const TRUSTED = ['ghsa', 'nvd'];

/**
 * The advisories of trivy-db 2: a bbolt file with a table a distribution or language, in it one a package, in that one
 * value an id; and the table `vulnerability` with what is known of each id.
 */
export class TrivyDb implements AdvisorySource {
  readonly info: SourceInfo;
  readonly #database: BoltDatabase;
  readonly #tables: string[];

  /** @throws JettisonError `DATABASE_INVALID` */
  constructor(path: string, info: Pick<SourceInfo, 'location' | 'updated'>) {
    this.info = { kind: 'trivy-db', ...info };
    this.#database = new BoltDatabase(path);
    this.#tables = [...this.#database.root.entries()].map(({ key }) => key.toString());
    if (!this.#tables.includes('vulnerability')) {
      this.close();
      throw this.#database.invalid('it has no table of vulnerabilities');
    }
  }

  covers(query: AdvisoryQuery): boolean {
    return this.#tablesFor(query).length > 0;
  }

  async find(queries: readonly AdvisoryQuery[]): Promise<Advisory[][]> {
    return queries.map((query) => {
      const name = LANGUAGES[query.type]?.name?.(query.name) ?? query.name;
      return this.#tablesFor(query).flatMap((table) => this.#advisories(table, name, query.type));
    });
  }

  close(): void {
    this.#database.close();
  }

  #tablesFor({ type, distribution }: AdvisoryQuery): string[] {
    const language = LANGUAGES[type];
    if (language !== undefined) return this.#tables.filter((table) => table.startsWith(language.prefix));
    const table = distribution && DISTRIBUTIONS[distribution.id]?.(distribution.version ?? '');
    return table !== undefined && this.#tables.includes(table) ? [table] : [];
  }

  #advisories(table: string, name: string, type: string): Advisory[] {
    const bucket = this.#database.root.bucket(table)?.bucket(name);
    if (bucket === undefined) return [];
    const publisher = this.#publisher(table);
    const found: Advisory[] = [];
    for (const { key, value } of bucket.entries()) {
      const said = jsonOf(value);
      if (said === undefined) continue;
      const advisory = this.#advisory(key.toString(), membersOf(said), type, publisher);
      if (advisory !== undefined) found.push(advisory);
    }
    return found;
  }

  #advisory(
    id: string,
    said: Fields,
    type: string,
    publisher: { id: string; name: string },
  ): Advisory | undefined {
    const status = STATUSES[numberOf(said['Status']) ?? 0] ?? 'unknown';
    const versions = versionsOf(said, type);
    if (status === 'not-affected' || versions === undefined) return undefined;
    const known = membersOf(jsonOf(this.#bucket('vulnerability')?.get(id)));
    const unfixed = status === 'unknown' || status === 'fixed' ? 'affected' : status;
    return {
      id,
      aliases: textsOf(said['VendorIDs']),
      ...versions,
      status: versions.fixedIn.length > 0 ? 'fixed' : unfixed,
      ...severityOf(said, known, publisher.id),
      ...optional('title', textOf(known['Title'])),
      ...optional('description', textOf(known['Description'])),
      cvss: cvssOf(known['CVSS']),
      cwes: textsOf(known['CweIDs']),
      references: textsOf(known['References']),
      ...optional('published', textOf(known['PublishedDate'])),
      publisher: publisher.name,
    };
  }

  #publisher(table: string): { id: string; name: string } {
    const said = membersOf(jsonOf(this.#bucket('data-source')?.get(table)));
    return { id: textOf(said['ID']) ?? '', name: textOf(said['Name']) ?? table };
  }

  #bucket(name: string): BoltBucket | undefined {
    return this.#database.root.bucket(name);
  }
}

const EVERY: Interval = {};

function versionsOf(
  said: Fields,
  type: string,
): Pick<Advisory, 'vulnerable' | 'safe' | 'fixedIn'> | undefined {
  if (LANGUAGES[type] === undefined) {
    const fixed = textOf(said['FixedVersion']);
    // Alpine's way to say that it never had it.
    if (fixed === '0') return undefined;
    if (fixed === undefined || fixed === '') return { vulnerable: [EVERY], safe: [], fixedIn: [] };
    return { vulnerable: [{ to: fixed }], safe: [], fixedIn: [fixed] };
  }
  const patched = textsOf(said['PatchedVersions']);
  const safe = [...patched, ...textsOf(said['UnaffectedVersions'])];
  const vulnerable = textsOf(said['VulnerableVersions']);
  return {
    // Where nothing is said of the versions that have it, or nothing that can be understood, all but the safe ones do.
    vulnerable:
      vulnerable.length === 0 ? [EVERY] : vulnerable.flatMap((text) => intervalsOf(text, type) ?? [EVERY]),
    safe: safe.flatMap((text) => intervalsOf(text, type) ?? []),
    fixedIn: patched.map((text) => text.replace(/^[\s<>=~^]+/, '')),
  };
}

function severityOf(
  said: Fields,
  known: Fields,
  publisher: string,
): Pick<Advisory, 'severity' | 'severityBy'> {
  const own = LEVELS[numberOf(said['Severity']) ?? 0];
  if (own !== undefined && own !== 'unknown') return { severity: own, severityBy: publisher };
  const vendors = membersOf(known['VendorSeverity']);
  for (const vendor of [publisher, ...TRUSTED, ...Object.keys(vendors)]) {
    const level = LEVELS[numberOf(vendors[vendor]) ?? 0];
    if (level !== undefined && level !== 'unknown') return { severity: level, severityBy: vendor };
  }
  const level = textOf(known['Severity'])?.toLowerCase() as Severity;
  return { severity: LEVELS.includes(level) ? level : 'unknown' };
}

function cvssOf(value: unknown): Advisory['cvss'] {
  return Object.entries(membersOf(value)).flatMap(([by, said]) => {
    const fields = membersOf(said);
    return (['V40', 'V3', 'V2'] as const).flatMap((version) => {
      const vector = textOf(fields[`${version}Vector`]);
      const score = numberOf(fields[`${version}Score`]);
      return vector === undefined ? [] : [{ by, vector, ...(score !== undefined && { score }) }];
    });
  });
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function optional<K extends string, T>(key: K, value: T | undefined): { [P in K]?: T } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: T };
}
