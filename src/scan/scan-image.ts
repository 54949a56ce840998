import {
  type AdvisorySource,
  highestScore,
  SEVERITIES,
  type Severity,
  type SourceInfo,
} from '../advisories/advisory.ts';
import { askedBy } from '../inspect/asked-by.ts';
import type { Inspection } from '../inspect/inspection.ts';
import type { Ignored, IgnoreRule } from './ignore-rules.ts';
import { applyRules, namesAdvisory } from './ignore-rules.ts';
import { type Lifecycle, lifecyclesOf } from './lifecycle.ts';
import { type Finding, match, type NotScanned } from './match-advisories.ts';
import { applyVex, type VexImage, type VexStatement } from './openvex.ts';
import { placedPackages } from './owned.ts';
import { type Remedy, remediesOf } from './remedies.ts';

export interface ScanOptions {
  /** What is left out, and why. */
  rules: readonly IgnoreRule[];
  /** Leave out what has no fixed version. */
  ignoreUnfixed: boolean;
  /** OpenVEX statements, and the image as they may name it. */
  vex?: { statements: readonly VexStatement[]; about: VexImage };
}

/** What is wrong with an image, as far as the sources know. */
export interface Scan {
  inspection: Inspection;
  sources: SourceInfo[];
  /** How many packages the sources could be asked for. */
  scanned: number;
  notScanned: NotScanned[];
  /** Worst first. */
  findings: Finding[];
  remedies: Remedy[];
  ignored: Ignored[];
  /** How long the distribution and Node are supported: known without a source. */
  lifecycles: Lifecycle[];
}

/** Asks the sources for everything that is in an image. */
export async function scan(
  inspection: Inspection,
  sources: readonly AdvisorySource[],
  { rules, ignoreUnfixed, vex }: ScanOptions,
): Promise<Scan> {
  const placed = placedPackages(inspection);
  const { findings: all, scanned, notScanned } = await match(placed, inspection.distribution, sources);
  const decided = applyRules(all.sort(worstFirst), rules, namesAdvisory);
  const { findings, ignored } = applyVex(
    decided.findings,
    vex?.statements ?? [],
    vex?.about ?? { reference: undefined, digests: [] },
  );
  const wanted = findings.filter(({ fixedIn }) => !ignoreUnfixed || fixedIn !== undefined);
  return {
    ...{ inspection, sources: sources.map(({ info }) => info), scanned, notScanned },
    ...{ findings: wanted, ignored: [...decided.ignored, ...ignored] },
    remedies: remediesOf(wanted, { base: inspection.base?.name, askedBy: askedBy(inspection.census) }),
    lifecycles: lifecyclesOf(inspection),
  };
}

/** Exploited ones first, then by severity, probability, score, name. */
function worstFirst(a: Finding, b: Finding): number {
  const level = ({ advisory: { severity } }: Finding) => SEVERITIES.indexOf(severity);
  const score = ({ advisory: { cvss } }: Finding) => highestScore(cvss);
  return (
    Number(b.advisory.exploited ?? false) - Number(a.advisory.exploited ?? false) ||
    level(a) - level(b) ||
    (b.advisory.epss ?? 0) - (a.advisory.epss ?? 0) ||
    score(b) - score(a) ||
    compareText(a.package.name, b.package.name) ||
    compareText(a.advisory.id, b.advisory.id)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** How many findings there are of each severity. */
export function countBySeverity(findings: readonly Finding[]): Record<Severity, number> {
  const counts = Object.fromEntries(SEVERITIES.map((severity) => [severity, 0])) as Record<Severity, number>;
  for (const { advisory } of findings) counts[advisory.severity]++;
  return counts;
}
