import type { Advisory, Severity, SourceInfo } from '../advisories/advisory.ts';
import type { ScanComparison } from './compare-scans.ts';
import { LIFECYCLES_MADE, type Lifecycle } from './lifecycle.ts';
import type { Finding } from './match-advisories.ts';
import { countBySeverity, type Scan } from './scan-image.ts';

/** A finding as `jettison scan --format json` has it. */
export interface ScannedFinding {
  id: string;
  aliases: string[];
  severity: Severity;
  severityBy?: string;
  title?: string;
  description?: string;
  /** What has it: `purl` where it has one. */
  package: {
    id: string;
    name: string;
    version: string;
    type: string;
    kind: string;
    path: string;
    purl?: string;
  };
  /** The version that the advisory speaks of, where it is another one: of distributions, that of the source package. */
  source?: { name: string; version: string };
  status: Advisory['status'];
  fixedIn?: string;
  /** The layer that has it: a position in the image, lowest first. */
  layer: { position: number; diffId: string; base: boolean };
  instruction?: { text: string; file?: string; line?: number };
  cvss: Advisory['cvss'];
  cwes: string[];
  exploited: boolean;
  epss?: number;
  published?: string;
  references: string[];
  publisher: string;
  /** What an OpenVEX statement says of it: `affected` or `under_investigation`. */
  vex?: { status: string; note?: string; from: string };
}

/** What `jettison scan --format json` prints. Members are only ever added; another meaning raises `version`. */
export interface ScanDocument {
  version: 1;
  image: { label: string; digest: string; id: string };
  /** Where the advisories are from, and as of when. */
  sources: SourceInfo[];
  /** False where no source could be asked: `findings` is empty then, and says nothing. */
  scanned: boolean;
  packages: {
    scanned: number;
    notScanned: { name: string; version: string; type: string; reason: string }[];
  };
  counts: Record<Severity, number>;
  findings: ScannedFinding[];
  /** What removes them: `findings` are positions in that list. */
  remedies: {
    kind: string;
    subject: string;
    from?: string;
    to?: string;
    where?: object;
    findings: number[];
  }[];
  /** How long the distribution and Node are supported, by data that is built in. */
  lifecycles: Lifecycle[];
  lifecyclesMade: string;
  /** What was left out, by a line of an ignore file or by an OpenVEX statement, which has a status. */
  ignored: {
    id: string;
    package: string;
    reason?: string;
    until?: string;
    status?: string;
    justification?: string;
    from: string;
    finding: ScannedFinding;
  }[];
  /** With another image: `new` are positions in `findings`, `fixed` those that only the other image has. */
  compared?: { with: string; new: number[]; fixed: ScannedFinding[]; same: number };
}

export function scanDocument(
  found: Scan,
  compared?: { scan: Scan; comparison: ScanComparison },
): ScanDocument {
  const { inspection, sources, scanned, notScanned, findings, remedies, ignored, lifecycles } = found;
  const { label, descriptor, id } = inspection.image;
  const positions = new Map(findings.map((finding, at) => [finding, at]));
  return {
    version: 1,
    image: { label, digest: descriptor.digest, id },
    sources,
    scanned: sources.length > 0,
    packages: {
      scanned,
      notScanned: notScanned.map(({ package: { name, version, type }, reason }) => ({
        name,
        version,
        type,
        reason,
      })),
    },
    counts: countBySeverity(findings),
    findings: findings.map((finding) => findingOf(finding, found)),
    remedies: remedies.map(({ findings: own, ...remedy }) => ({
      ...remedy,
      findings: own.map((finding) => positions.get(finding)!),
    })),
    ignored: ignored.map(({ finding, rule: { id: _, package: __, ...rule } }) => ({
      ...{ id: finding.advisory.id, package: finding.package.name },
      ...rule,
      finding: findingOf(finding, found),
    })),
    ...{ lifecycles, lifecyclesMade: LIFECYCLES_MADE },
    ...(compared !== undefined && {
      compared: {
        with: compared.comparison.with,
        new: compared.comparison.added.map((finding) => positions.get(finding)!),
        fixed: compared.comparison.fixed.map((finding) => findingOf(finding, compared.scan)),
        same: compared.comparison.same,
      },
    }),
  };
}

function findingOf(finding: Finding, { inspection }: Scan): ScannedFinding {
  const { advisory, package: one, layer, isBase, instruction, fixedIn, version, vex } = finding;
  const { vulnerable: _, safe: __, fixedIn: ___, exploited = false, ...rest } = advisory;
  const { id, name, type, kind, path, purl } = one;
  const isOther = one.source !== undefined && (one.source.name !== name || version !== one.version);
  const { location, text } = instruction ?? {};
  return {
    ...rest,
    exploited,
    package: { id, name, version: one.version, type, kind, path, ...(purl !== undefined && { purl }) },
    ...(isOther && { source: { name: one.source!.name, version } }),
    ...(fixedIn !== undefined && { fixedIn }),
    ...(vex && {
      vex: { status: vex.status, ...(vex.note !== undefined && { note: vex.note }), from: vex.from },
    }),
    layer: { position: layer, diffId: inspection.image.layers[layer]!.diffId, base: isBase },
    ...(text !== undefined &&
      text !== '' && {
        instruction: { text, ...(location && { file: location.file, line: location.line }) },
      }),
  };
}
