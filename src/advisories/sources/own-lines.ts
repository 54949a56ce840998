import { isObject, jsonOf, membersOf } from '../../fields/json-values.ts';
import {
  type Advisory,
  type AdvisoryQuery,
  type AdvisorySource,
  SEVERITIES,
  type SourceInfo,
} from '../advisory.ts';
import { databaseKey, SCOPES_KEY, scopeOf } from '../database-key.ts';
import { SortedLines } from '../sorted-lines.ts';

/** The advisories of a file that `jettison db build` wrote: a line a package. */
export class OwnLines implements AdvisorySource {
  readonly info: SourceInfo;
  readonly #lines: SortedLines;
  readonly #scopes: ReadonlySet<string>;

  /** @throws JettisonError `DATABASE_INVALID` */
  constructor(path: string, info: Pick<SourceInfo, 'location' | 'updated'>) {
    this.info = { kind: 'advisories', ...info };
    this.#lines = new SortedLines(path);
    const scopes = jsonOf(this.#lines.get(SCOPES_KEY));
    this.#scopes = new Set(Array.isArray(scopes) ? scopes.map(String) : []);
  }

  covers(query: AdvisoryQuery): boolean {
    return this.#scopes.has(scopeOf(query));
  }

  async find(queries: readonly AdvisoryQuery[]): Promise<Advisory[][]> {
    return queries.map((query) => {
      const found = jsonOf(this.#lines.get(databaseKey(scopeOf(query), query.name)));
      return Array.isArray(found) ? found.filter(isAdvisory) : [];
    });
  }

  close(): void {
    this.#lines.close();
  }
}

/** Somebody else may have written the file. */
function isAdvisory(value: unknown): value is Advisory {
  const one = membersOf(value);
  const lists = ['aliases', 'vulnerable', 'safe', 'fixedIn', 'cvss', 'cwes', 'references'];
  return (
    ['id', 'status', 'publisher'].every((key) => typeof one[key] === 'string') &&
    lists.every((key) => Array.isArray(one[key])) &&
    (one['cvss'] as unknown[]).every(isObject) &&
    ['number', 'undefined'].includes(typeof one['epss']) &&
    SEVERITIES.includes(one['severity'] as Advisory['severity'])
  );
}
