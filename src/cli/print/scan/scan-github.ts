import { annotation } from '../../../events/github-annotation.ts';
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
      return annotation(level, `${title ?? id} (${severity}) in ${image.label}${fix}`, {
        title: `${id}: ${one.name} ${one.version}`,
        ...(instruction?.file !== undefined && { file: instruction.file, line: instruction.line ?? 1 }),
      });
    })
    .join('');
}
