import { JettisonError } from '../../errors/error.ts';
import { membersOf } from '../../fields/json-values.ts';
import { parallel } from '../../registry/parallel.ts';
import type { Advisory, AdvisoryQuery, AdvisorySource, SourceInfo } from '../advisory.ts';
import type { AdvisoryServer } from '../advisory-server.ts';
import { databaseKey, scopeOf } from '../database-key.ts';
import { ecosystemOf, readOsv } from '../osv.ts';

export const OSV_API = 'https://api.osv.dev/';
/** The API's limit of one question. */
const MOST = 1000;
/** Pages of one question: a server that always has another one is not asked for ever. */
const MOST_PAGES = 100;
const AT_ONCE = 12;

/** The advisories that OSV's API has for a version: https://google.github.io/osv.dev/api/ */
export class OsvApi implements AdvisorySource {
  readonly info: SourceInfo;
  readonly #base: URL;
  readonly #server: AdvisoryServer;

  constructor(base: URL, server: AdvisoryServer) {
    this.info = { kind: 'osv', location: base.host, updated: new Date().toISOString() };
    this.#base = base;
    this.#server = server;
  }

  covers(query: AdvisoryQuery): boolean {
    return ecosystemOf(query) !== undefined;
  }

  async find(queries: readonly AdvisoryQuery[]): Promise<Advisory[][]> {
    const ids: Set<string>[] = [];
    for (let at = 0; at < queries.length; at += MOST)
      ids.push(...(await this.#ids(queries.slice(at, at + MOST))));
    const records = new Map<string, ReturnType<typeof readOsv>>();
    await parallel(new Set(ids.flatMap((own) => [...own])), AT_ONCE, async (id) => {
      records.set(
        id,
        readOsv(await this.#server.ask(new URL(`v1/vulns/${encodeURIComponent(id)}`, this.#base))),
      );
    });
    return queries.map((query, at) => {
      const scope = scopeOf(query);
      const key = databaseKey(scope, query.name);
      return [...ids[at]!].flatMap((id) =>
        records
          .get(id)!
          .filter((one) => one.key === key)
          .map(({ advisory }) => advisory),
      );
    });
  }

  close(): void {
    this.#server.close();
  }

  /** The ids of each query; pages that are left are asked for until there are none. */
  async #ids(queries: readonly AdvisoryQuery[]): Promise<Set<string>[]> {
    const ids = queries.map(() => new Set<string>());
    let left = queries.map((query, at) => ({ at, question: questionOf(query) }));
    for (let page = 0; left.length > 0; page++) {
      const { results } = membersOf(
        await this.#server.ask(new URL('v1/querybatch', this.#base), {
          body: { queries: left.map(({ question }) => question) },
        }),
      );
      if (!Array.isArray(results) || results.length !== left.length || page === MOST_PAGES) {
        throw new JettisonError(
          'ADVISORIES_UNAVAILABLE',
          `${this.#base.host} does not answer as OSV's API does`,
          {
            hint: 'Check the address that --db osv names.',
          },
        );
      }
      left = left.flatMap(({ at, question }, nth) => {
        const { vulns, next_page_token: token } = membersOf(results[nth]);
        for (const one of Array.isArray(vulns) ? vulns : []) {
          const { id } = membersOf(one);
          if (typeof id === 'string') ids[at]!.add(id);
        }
        return typeof token === 'string' && token !== ''
          ? [{ at, question: { ...question, page_token: token } }]
          : [];
      });
    }
    return ids;
  }
}

function questionOf(query: AdvisoryQuery): { package: object; version: string; page_token?: string } {
  return { package: { ecosystem: ecosystemOf(query), name: query.name }, version: query.version };
}
