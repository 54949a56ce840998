import { uuidOf } from '../../../sbom/stable-id.ts';
import type { ScanDocument, ScannedFinding } from '../../../scan/scan-json.ts';
import { VERSION } from '../../../version.ts';

/** CycloneDX's words for the ones of OpenVEX. */
const STATES: Record<string, string> = {
  affected: 'exploitable',
  fixed: 'resolved',
  not_affected: 'not_affected',
  under_investigation: 'in_triage',
};
const JUSTIFICATIONS: Record<string, string> = {
  component_not_present: 'code_not_present',
  vulnerable_code_not_present: 'code_not_present',
  vulnerable_code_not_in_execute_path: 'code_not_reachable',
  vulnerable_code_cannot_be_controlled_by_adversary: 'requires_environment',
  inline_mitigations_already_exist: 'protected_by_mitigating_control',
};
/** Methods of ratings, by the beginning of a vector; a vector without it is of version 2. */
const METHODS: [RegExp, string][] = [
  [/^CVSS:4/, 'CVSSv4'],
  [/^CVSS:3\.1/, 'CVSSv31'],
  [/^CVSS:3/, 'CVSSv3'],
  [/^AV:/, 'CVSSv2'],
];

/**
 * A scan as CycloneDX 1.6 VEX: each flaw once, with the packages of the image that it affects. The analysis of an ignored
 * finding is in it, too. The ids of components are those of `jettison sbom --format cyclonedx`.
 */
export function scanCycloneDxVex({ findings, ignored, image }: ScanDocument): object {
  const all = [
    ...findings.map((finding) => ({ finding, analysis: analysisOf(finding) })),
    ...ignored.map(({ finding, ...rule }) => ({ finding, analysis: decisionOf(rule) })),
  ];
  // One entry for each flaw and decision: one package may be affected where another is not.
  const groups = new Map<string, typeof all>();
  for (const one of all) {
    const key = JSON.stringify([one.finding.id, one.analysis]);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  const packages = new Map(all.map(({ finding: { package: one } }) => [one.id, one]));
  const document = {
    ...{ bomFormat: 'CycloneDX', specVersion: '1.6', version: 1 },
    metadata: {
      tools: { components: [{ type: 'application', name: 'jettison', version: VERSION }] },
      component: {
        'bom-ref': `image:${image.digest}`,
        ...{ type: 'container', name: image.label, version: image.digest },
      },
    },
    components: [...packages.values()].map(({ id, name, version, purl }) => ({
      ...{ 'bom-ref': id, type: 'library', name, version },
      ...(purl !== undefined && { purl }),
    })),
    vulnerabilities: [...groups.values()].map((group) => vulnerabilityOf(group)),
  };
  return { serialNumber: `urn:uuid:${uuidOf(JSON.stringify(document))}`, ...document };
}

function vulnerabilityOf(group: { finding: ScannedFinding; analysis: object | undefined }[]): object {
  const { finding, analysis } = group[0]!;
  const { id, aliases, severity, severityBy, title, description, cvss, cwes, published, references } =
    finding;
  const fixes = group.flatMap(({ finding: { package: one, fixedIn } }) =>
    fixedIn === undefined ? [] : `Update ${one.name} to ${fixedIn}.`,
  );
  const numbers = cwes.flatMap((cwe) => Number(/^CWE-(\d+)$/.exec(cwe)?.[1] ?? 0) || []);
  return {
    ...{ id, source: { name: finding.publisher } },
    ...(aliases.length > 0 && {
      references: aliases.map((alias) => ({ id: alias, source: { name: finding.publisher } })),
    }),
    ratings: [
      { severity, ...(severityBy !== undefined && { source: { name: severityBy } }) },
      ...cvss.map(({ by, vector, score }) => ({
        source: { name: by },
        ...(score !== undefined && { score }),
        ...{ method: METHODS.find(([prefix]) => prefix.test(vector))?.[1] ?? 'other', vector },
      })),
    ],
    ...(numbers.length > 0 && { cwes: numbers }),
    ...((description ?? title) !== undefined && { description: description ?? title }),
    ...(fixes.length > 0 && { recommendation: [...new Set(fixes)].join(' ') }),
    advisories: references.filter((url) => URL.canParse(url)).map((url) => ({ url })),
    ...(published !== undefined && !Number.isNaN(Date.parse(published)) && { published }),
    ...(analysis !== undefined && { analysis }),
    affects: group.map(({ finding: { package: one } }) => ({
      ref: one.id,
      versions: [{ version: one.version, status: 'affected' }],
    })),
  };
}

function analysisOf({ vex }: ScannedFinding): object | undefined {
  return vex && { state: STATES[vex.status]!, ...(vex.note !== undefined && { detail: vex.note }) };
}

/** Of an ignore file there is a reason only: that the flaw does not count here. */
function decisionOf({
  status = 'not_affected',
  justification,
  reason,
}: {
  status?: string;
  justification?: string;
  reason?: string;
}): object {
  const known = justification === undefined ? undefined : JUSTIFICATIONS[justification];
  return {
    state: STATES[status] ?? 'not_affected',
    ...(known !== undefined && { justification: known }),
    ...(reason !== undefined && { detail: reason }),
  };
}
