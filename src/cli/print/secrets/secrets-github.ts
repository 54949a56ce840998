import { workflowCommand } from '../../../events/workflow-commands.ts';
import type { FoundSecret, SecretsDocument } from '../../../leaks/secrets-json.ts';
import { annotationLevel } from '../severity.ts';

/** Findings as workflow commands of GitHub: an annotation each, at the line of the Dockerfile that added it. */
export function secretsGithub({ findings, image }: SecretsDocument): string {
  return findings
    .map((finding) => {
      const { severity, title, addedBy } = finding;
      const { file, line = 1 } = addedBy[0] ?? {};
      const place = {
        ...(file !== undefined && { file, line: String(line) }),
        title: `${title} in an image`,
      };
      return `${workflowCommand(annotationLevel(severity), `${secretSentence(finding)} (${image.label})`, place)}\n`;
    })
    .join('');
}

/** `npm token npm_… in app/.npmrc:1, deleted later and still in layer sha256:…` */
export function secretSentence({ title, masked, where, name, line, addedBy, hiddenBy }: FoundSecret): string {
  const at = where === 'file' ? `${name}${line === undefined ? '' : `:${line}`}` : `${where} ${name}`;
  const layer = addedBy[0]?.digest;
  const end = hiddenBy === undefined ? '' : `, ${hiddenBy.reason} later and still`;
  return `${title} ${masked} in ${at.trimEnd()}${end}${layer === undefined ? '' : ` in layer ${layer}`}`;
}
