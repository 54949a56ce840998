import { JettisonError } from '../errors/error.ts';
import type { Finding } from './match-advisories.ts';

/** A decision that a finding does not count, with its reason. */
export interface IgnoreRule {
  /** `CVE-…`, `GHSA-…`; of secrets, a kind. */
  id: string;
  /** Only for packages of this name, or this package URL; of secrets, for this path. */
  package?: string;
  reason?: string;
  /** The last day on which it holds: `2026-12-31`. */
  until?: string;
  /** The file that has it, and where in it. */
  from: string;
  /** Of an OpenVEX statement. */
  status?: string;
  justification?: string;
}

export interface Ignored<F = Finding> {
  finding: F;
  rule: IgnoreRule;
}

/**
 * Leaves out what a rule names, and says which rule it was.
 *
 * @param holds whether a rule speaks of a finding
 */
export function applyRules<F>(
  all: readonly F[],
  rules: readonly IgnoreRule[],
  holds: (rule: IgnoreRule, finding: F) => boolean,
  today: string = new Date().toISOString().slice(0, 10),
): { findings: F[]; ignored: Ignored<F>[] } {
  const valid = rules.filter(({ until }) => until === undefined || until >= today);
  const findings: F[] = [];
  const ignored: Ignored<F>[] = [];
  for (const finding of all) {
    const rule = valid.find((one) => holds(one, finding));
    if (rule === undefined) findings.push(finding);
    else ignored.push({ finding, rule });
  }
  return { findings, ignored };
}

/** Whether a rule names the advisory of a finding, and its package. */
export function namesAdvisory(
  { id, package: wanted }: IgnoreRule,
  { advisory, package: one }: Finding,
): boolean {
  if (id !== advisory.id && !advisory.aliases.includes(id)) return false;
  if (wanted === undefined) return true;
  return wanted === one.name || wanted === one.purl || wanted === one.purl?.replace(/[?#].*$/, '');
}

/**
 * The rules of an ignore file: a line each, `CVE-2023-45853 zlib until 2026-12-31: we do not use minizip`. The package
 * and the date may be left out, the reason may not. `#` begins a comment.
 *
 * @param name of the file, for messages
 * @throws JettisonError `IGNORE_INVALID`
 */
export function readIgnoreFile(text: string, name: string): IgnoreRule[] {
  return text.split(/\r?\n/).flatMap((line, at): IgnoreRule[] => {
    const content = line.replace(/^\s*#.*|\s+#.*$/, '').trim();
    if (content === '') return [];
    const [, id, of, until, reason] =
      /^([A-Za-z]+-[\w-]+)(?:\s+(?!until\b)([^\s:]\S*?))?(?:\s+until\s+(\d{4}-\d{2}-\d{2}))?\s*:\s+(\S.*)$/.exec(
        content,
      ) ?? [];
    if (id === undefined || (until !== undefined && Number.isNaN(Date.parse(until)))) {
      throw new JettisonError('IGNORE_INVALID', `"${content}" does not say what is ignored, and why`, {
        hint: 'Write an id, a colon and the reason: CVE-2023-45853 zlib until 2026-12-31: minizip is not used.',
        location: { file: name, line: at + 1, column: 1 },
        source: line,
        exitCode: 2,
      });
    }
    return [
      {
        ...{ id, from: `${name}:${at + 1}` },
        ...(of !== undefined && { package: of }),
        ...(until !== undefined && { until }),
        reason: reason!,
      },
    ];
  });
}
