import type { Finding } from './match-advisories.ts';
import type { Scan } from './scan-image.ts';

/** How the findings of an image differ from those of another one. */
export interface ScanComparison {
  /** The label of the other image. */
  with: string;
  /** Findings that the other image does not have. */
  added: Finding[];
  /** Findings that only the other image has. */
  fixed: Finding[];
  /** How many both have. */
  same: number;
}

/**
 * Compares the findings of two images: one is the same where the same flaw is in a package of the same name, in whatever
 * version and layer.
 */
export function compareScans(before: Scan, after: Scan): ScanComparison {
  const old = keysOf(before.findings);
  const now = keysOf(after.findings);
  const added = after.findings.filter((finding) => !isAmong(finding, old));
  return {
    with: before.inspection.image.label,
    ...{ added, same: after.findings.length - added.length },
    fixed: before.findings.filter((finding) => !isAmong(finding, now)),
  };
}

function keysOf(findings: readonly Finding[]): Set<string> {
  return new Set(findings.flatMap(keys));
}

function isAmong(finding: Finding, known: ReadonlySet<string>): boolean {
  return keys(finding).some((key) => known.has(key));
}

/** One an id: another source may know the flaw under another one. */
function keys({ advisory: { id, aliases }, package: { type, name } }: Finding): string[] {
  return [id, ...aliases].map((one) => [type, name, one].join('\0'));
}
