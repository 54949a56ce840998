import { JettisonError } from '../../errors/error.ts';
import { membersOf, textsOf } from '../../fields/json-values.ts';
import { intervalsOf } from '../../versions/constraint.ts';
import { fixedVersions } from '../../versions/interval.ts';
import type { Advisory, AdvisoryQuery, AdvisorySource, Severity, SourceInfo } from '../advisory.ts';
import type { AdvisoryServer } from '../advisory-server.ts';
import type { NpmConfig } from '../npm-config.ts';

const PATH = '-/npm/v1/security/advisories/bulk';
/** Packages of one question. */
const MOST = 1000;
const LEVELS: Record<string, Severity> = {
  critical: 'critical',
  high: 'high',
  moderate: 'medium',
  low: 'low',
  info: 'low',
};

/**
 * The advisories that npm registries give for `npm audit`: of each package the registry that .npmrc names for it is
 * asked, with the token for that registry and no other.
 */
export class NpmAudit implements AdvisorySource {
  readonly info: SourceInfo;
  readonly #config: NpmConfig;
  readonly #server: AdvisoryServer;
  readonly #warn: (message: string) => void;

  constructor(config: NpmConfig, server: AdvisoryServer, warn: (message: string) => void) {
    this.info = { kind: 'npm', location: config.registryOf('any').host, updated: new Date().toISOString() };
    this.#config = config;
    this.#server = server;
    this.#warn = warn;
  }

  covers({ type }: AdvisoryQuery): boolean {
    return type === 'npm';
  }

  async find(queries: readonly AdvisoryQuery[]): Promise<(Advisory[] | undefined)[]> {
    const registries = new Map<string, Map<string, Set<string>>>();
    for (const { name, version } of queries) {
      const registry = this.#config.registryOf(name).href;
      const packages = registries.get(registry) ?? new Map<string, Set<string>>();
      registries.set(registry, packages);
      packages.set(name, (packages.get(name) ?? new Set()).add(version));
    }
    const found = new Map<string, Advisory[] | undefined>();
    for (const [registry, packages] of registries) {
      for (const [name, advisories] of await this.#ask(new URL(registry), packages))
        found.set(name, advisories);
    }
    return queries.map(({ name }) => found.get(name));
  }

  close(): void {
    this.#server.close();
  }

  async #ask(
    registry: URL,
    packages: ReadonlyMap<string, ReadonlySet<string>>,
  ): Promise<Map<string, Advisory[] | undefined>> {
    const authorization = this.#config.authorizationFor(registry);
    const names = [...packages.keys()];
    const found = new Map<string, Advisory[] | undefined>();
    try {
      for (let at = 0; at < names.length; at += MOST) {
        const asked = names.slice(at, at + MOST);
        const body = Object.fromEntries(asked.map((name) => [name, [...packages.get(name)!]]));
        const answer = membersOf(
          await this.#server.ask(new URL(PATH, registry), {
            body,
            ...(authorization !== undefined && { authorization }),
          }),
        );
        for (const name of asked) {
          const said = Object.hasOwn(answer, name) ? answer[name] : [];
          found.set(
            name,
            (Array.isArray(said) ? said : []).flatMap((one) => advisoryOf(one, registry.host)),
          );
        }
      }
    } catch (error) {
      // A registry of one scope often has no advisories; if that of all others has none, there is nothing to show.
      if (!(error instanceof JettisonError) || registry.href === this.#config.registryOf('any').href)
        throw error;
      this.#warn(error.message);
    }
    return found;
  }
}

function advisoryOf(value: unknown, host: string): Advisory[] {
  const { id, url, title, severity, vulnerable_versions: range, cwe, cvss } = membersOf(value);
  const vulnerable = typeof range === 'string' ? intervalsOf(range, 'npm') : undefined;
  if (vulnerable === undefined || (typeof id !== 'number' && typeof id !== 'string')) return [];
  const known = /GHSA(?:-[\w]{4}){3}/.exec(typeof url === 'string' ? url : '')?.[0];
  const fixedIn = fixedVersions(vulnerable);
  const { score, vectorString } = membersOf(cvss);
  const isScored = typeof vectorString === 'string' && vectorString !== '' && typeof score === 'number';
  const level = typeof severity === 'string' ? LEVELS[severity] : undefined;
  return [
    {
      ...{ id: known ?? `npm:${id}`, aliases: [], vulnerable, safe: [], fixedIn },
      ...{ status: fixedIn.length > 0 ? 'fixed' : 'affected', severity: level ?? 'unknown' },
      ...(level !== undefined && { severityBy: 'ghsa' }),
      ...(typeof title === 'string' && { title }),
      cvss: isScored ? [{ by: 'ghsa', vector: vectorString, score }] : [],
      ...{ cwes: textsOf(cwe), references: typeof url === 'string' ? [url] : [], publisher: `npm, ${host}` },
    },
  ];
}
