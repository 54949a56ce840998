import type { Severity } from '../../advisories/advisory.ts';
import type { Style } from '../../errors/style.ts';

/** What GitHub sorts by: a score of CVSS that stands for the severity. */
export const SCORES: Readonly<Record<Severity, string>> = {
  critical: '9.5',
  high: '8.0',
  medium: '5.5',
  low: '2.0',
  unknown: '0.0',
};

/** The level of a result in a SARIF log. */
export function sarifLevel(severity: Severity): 'error' | 'warning' | 'note' {
  if (severity === 'critical' || severity === 'high') return 'error';
  return severity === 'medium' ? 'warning' : 'note';
}

/** The workflow command of GitHub that annotates a finding. */
export function annotationLevel(severity: Severity): 'error' | 'warning' | 'notice' {
  const level = sarifLevel(severity);
  return level === 'note' ? 'notice' : level;
}

/** `1 critical, 3 medium`: severities without a finding are left out. */
export function countsText(counts: Partial<Record<Severity, number>>, paint: Style): string {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([severity, count]) => painted(severity as Severity, `${count} ${severity}`, paint))
    .join(', ');
}

/** The severity's word alone is painted. */
export function painted(severity: Severity, text: string, { red, yellow, dim, bold }: Style): string {
  const paints = {
    critical: (word: string) => bold(red(word)),
    high: red,
    medium: yellow,
    low: dim,
    unknown: dim,
  };
  return text.replace(severity, (word) => paints[severity](word));
}
