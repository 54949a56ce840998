import { highestScore } from '../../../advisories/advisory.ts';
import type { ScanDocument, ScannedFinding } from '../../../scan/scan-json.ts';
import { sarifLog } from '../sarif-log.ts';
import { SCORES, sarifLevel } from '../severity.ts';

/** A scan as a SARIF 2.1.0 log: a result a finding, at the Dockerfile line that brought it where that is known. */
export function scanSarif({ findings, image }: ScanDocument): object {
  const ids = [...new Set(findings.map(({ id }) => id))].sort();
  const first = new Map(findings.map((finding) => [finding.id, finding]));
  return sarifLog(
    ids.map((id) => ruleOf(first.get(id)!)),
    findings.map((finding) => resultOf(finding, ids.indexOf(finding.id), image.label)),
    { informationUri: 'https://www.npmjs.com/package/jettison-build' },
  );
}

function ruleOf({ id, title, severity, cvss, references, cwes }: ScannedFinding): object {
  const score = highestScore(cvss);
  return {
    id,
    shortDescription: { text: title ?? id },
    ...(references[0] !== undefined && { helpUri: references[0] }),
    properties: {
      tags: ['security', 'vulnerability', ...cwes],
      'security-severity': score > 0 ? score.toFixed(1) : SCORES[severity],
    },
  };
}

function resultOf(finding: ScannedFinding, ruleIndex: number, label: string): object {
  const { id, severity, package: one, fixedIn, instruction, status } = finding;
  const fix = fixedIn === undefined ? `There is no fixed version (${status}).` : `Fixed in ${fixedIn}.`;
  return {
    ruleId: id,
    ruleIndex,
    level: sarifLevel(severity),
    message: { text: `${one.name} ${one.version} in ${label}: ${finding.title ?? id}. ${fix}` },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: encodeURI(instruction?.file ?? one.path) },
          region: { startLine: instruction?.line ?? 1 },
        },
        logicalLocations: [{ name: one.name, fullyQualifiedName: one.purl ?? one.name, kind: 'package' }],
      },
    ],
    partialFingerprints: { advisoryAndPackage: `${id} ${one.type} ${one.name} ${one.path}` },
  };
}
