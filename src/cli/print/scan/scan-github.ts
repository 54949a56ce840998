import { workflowCommand } from '../../../events/workflow-commands.ts';
import type { ScanDocument } from '../../../scan/scan-json.ts';
import { annotationLevel } from '../severity.ts';

/**
 * A scan as workflow commands of GitHub: an annotation a finding, at its line of the Dockerfile.
 *
 *     ::error file=Dockerfile,line=3,title=CVE-2023-45853%3A zlib 1.2.13::Overflow (critical) in app; fixed in 1.3.1
 */
export function scanGithub({ findings, image }: ScanDocument): string {
  return findings
    .map(({ id, severity, title, package: one, fixedIn, instruction }) => {
      const fix = fixedIn === undefined ? '' : `; fixed in ${fixedIn}`;
      const { file, line = 1 } = instruction ?? {};
      const place = {
        ...(file !== undefined && { file, line: String(line) }),
        title: `${id}: ${one.name} ${one.version}`,
      };
      const message = `${title ?? id} (${severity}) in ${image.label}${fix}`;
      return `${workflowCommand(annotationLevel(severity), message, place)}\n`;
    })
    .join('');
}
