import type { FoundSecret, SecretsDocument } from '../../../leaks/secrets-json.ts';
import { sarifLog } from '../sarif-log.ts';
import { SCORES, sarifLevel } from '../severity.ts';
import { secretSentence } from './secrets-github.ts';

/** Findings as a SARIF 2.1.0 log, each at the Dockerfile line that added it where that is known, else at its path. */
export function secretsSarif({ findings, image }: SecretsDocument): object {
  const first = new Map(findings.map((finding) => [finding.kind, finding]));
  const ids = [...first.keys()].sort();
  return sarifLog(
    ids.map((id) => ruleOf(first.get(id)!)),
    findings.map((finding) => resultOf(finding, ids.indexOf(finding.kind), image.label)),
    { informationUri: 'https://www.npmjs.com/package/jettison-build' },
  );
}

function ruleOf({ kind, title, severity }: FoundSecret): object {
  return {
    id: kind,
    shortDescription: { text: `A ${title} in an image` },
    help: {
      text: 'Revoke it, and build again with RUN --mount=type=secret: a deletion leaves it in its layer.',
    },
    properties: { tags: ['security', 'secret'], 'security-severity': SCORES[severity] },
  };
}

function resultOf(finding: FoundSecret, ruleIndex: number, label: string): object {
  const { kind, severity, where, name, line = 1, addedBy, offset = 0 } = finding;
  const { file, line: instructionLine = 1 } = addedBy[0] ?? {};
  const uri = file ?? (where === 'file' ? name : 'Dockerfile');
  return {
    ruleId: kind,
    ruleIndex,
    level: sarifLevel(severity),
    message: { text: `${secretSentence(finding)} (${label})` },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: encodeURI(uri) },
          region: { startLine: file === undefined && where === 'file' ? line : instructionLine },
        },
        logicalLocations: [{ name, kind: where === 'file' ? 'resource' : 'member' }],
      },
    ],
    partialFingerprints: { kindAndPlace: `${kind} ${where} ${name} ${offset}` },
  };
}
