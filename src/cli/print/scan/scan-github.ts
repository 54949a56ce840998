import { workflowCommand } from '../../../events/workflow-commands.ts';
import type { ScanDocument } from '../../../scan/scan-json.ts';

/** A scan as workflow commands of GitHub: an annotation a finding, at its line of the Dockerfile. */
export function scanGithub({ findings, image }: ScanDocument): string {
  return findings
    .map(({ id, severity, title, package: one, fixedIn, instruction }) => {
      const level =
        severity === 'critical' || severity === 'high'
          ? 'error'
          : severity === 'medium'
            ? 'warning'
            : 'notice';
      const fix = fixedIn === undefined ? '' : `; fixed in ${fixedIn}`;
      const { file, line = 1 } = instruction ?? {};
      const place = {
        ...(file !== undefined && { file, line: String(line) }),
        title: `${id}: ${one.name} ${one.version}`,
      };
      return `${workflowCommand(level, `${title ?? id} (${severity}) in ${image.label}${fix}`, place)}\n`;
    })
    .join('');
}
