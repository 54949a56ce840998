import type { Interval } from '../versions/interval.ts';

/** From the worst on. */
export const SEVERITIES = ['critical', 'high', 'medium', 'low', 'unknown'] as const;
export type Severity = (typeof SEVERITIES)[number];

/**
 * Whether there is a version without it: `fixed` yes, `affected` not yet; the others are decisions of a distribution:
 * none is planned, later, none since its release has ended, not known yet.
 */
export type FixStatus =
  | 'fixed'
  | 'affected'
  | 'will-not-fix'
  | 'fix-deferred'
  | 'end-of-life'
  | 'under-investigation';

/** What one publisher says of one flaw in one package. */
export interface Advisory {
  /** The most widely known id: `CVE-2021-23337`, else `GHSA-…`, `DSA-…`. */
  id: string;
  /** Its other ids. */
  aliases: string[];
  /** The versions that have it; `safe` ones are taken out of them. */
  vulnerable: Interval[];
  safe: Interval[];
  /** The versions that have it no more: one a branch. */
  fixedIn: string[];
  status: FixStatus;
  severity: Severity;
  /** Who says that it is so severe: `debian`, `ghsa`, `nvd`. */
  severityBy?: string;
  title?: string;
  description?: string;
  cvss: { by: string; vector: string; score?: number }[];
  cwes: string[];
  references: string[];
  /** RFC 3339. */
  published?: string;
  /** Known to be exploited (CISA's catalogue). */
  exploited?: true;
  /** Probability of being exploited in the next 30 days (EPSS), 0 to 1. */
  epss?: number;
  /** Who published it: `Debian Security Tracker`. */
  publisher: string;
}

/** A package as publishers of advisories know it. */
export interface AdvisoryQuery {
  /** Type of the package URL: `deb`, `apk`, `npm`, `pypi`, `golang`, `maven`, `cargo`, `generic`. */
  type: string;
  /** Of distributions the source package; of Maven `group:artifact`. */
  name: string;
  /** The version that the image has: what sources that ask a server send along. */
  version: string;
  /** Of packages of distributions: the ones in `/etc/os-release`. */
  distribution?: { id: string; version?: string };
}

/** Where advisories come from, and as of when: what every report says. */
export interface SourceInfo {
  /** `trivy-db`, `npm`, `osv`, `advisories` (our own format). */
  kind: string;
  /** Where it is: a reference, a path, a host. */
  location: string;
  /** When its data was made, RFC 3339; of servers that answer at once: now. */
  updated?: string;
}

/** One place that knows advisories. */
export interface AdvisorySource {
  readonly info: SourceInfo;
  /** Whether it has advisories for packages of this type and distribution at all: what it lacks is not "none found". */
  covers(query: AdvisoryQuery): boolean;
  /**
   * What is known of each package, in the order of the queries, whatever their versions; undefined where that could not
   * be found out.
   *
   * @throws JettisonError `DATABASE_INVALID`, and what its network throws
   */
  find(queries: readonly AdvisoryQuery[]): Promise<(Advisory[] | undefined)[]>;
  close(): void;
}

/** The highest score of CVSS that anybody gives; 0: nobody does. */
export function highestScore(cvss: Advisory['cvss']): number {
  return Math.max(0, ...cvss.map(({ score = 0 }) => score));
}
