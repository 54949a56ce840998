import type { CheckResult } from '../../build/check.ts';
import type { Diagnostic } from '../../dockerfile/ast.ts';
import type { JettisonError, Location } from '../../errors/error.ts';
import { renderError, renderWarning } from '../../errors/render.ts';
import { plural } from '../../events/units.ts';
import { workflowCommand } from '../../events/workflow-commands.ts';
import { RULES } from '../../plan/checks/plan-rules.ts';
import { sarifLog } from './sarif-log.ts';

/** A finding, of Docker's rules or of advice. */
export interface ShownFinding extends Diagnostic {
  severity?: 'error' | 'warning' | 'info';
  confidence?: string;
  stageName?: string;
  bytes?: number;
  /** Edits that remove it. */
  fix?: readonly object[];
}

/** What is shown of a check of one file. */
export interface ShownResult extends Pick<CheckResult, 'file' | 'text' | 'unavailable' | 'error'> {
  findings: readonly ShownFinding[];
}

/** Rules by id: those of Docker, unless more are known. */
export type RuleBook = ReadonlyMap<string, { description: string; own?: true }>;

/** Exit code of a check: 1 with findings, as in Docker. */
export function exitCodeOf(results: readonly ShownResult[]): number {
  return results.every(({ findings, error }) => findings.length === 0 && error === undefined) ? 0 : 1;
}

/** The findings as text, each with its source line. */
export function findingsText(
  results: readonly ShownResult[],
  color: boolean,
  rules: RuleBook = RULES,
): string {
  const parts: string[] = [];
  for (const { findings, error, text } of results) {
    const lines = text.split('\n');
    for (const { code, message, location, hint, severity } of findings) {
      const source = lines[location.line - 1];
      const warning = {
        ...{ code, message, location },
        ...(hint === undefined ? {} : { hint }),
        ...(severity === undefined ? {} : { severity }),
        ...(source === undefined ? {} : { source }),
      };
      const page = rules.has(code) ? `  rule: docs/rules/${code}.md\n` : '';
      parts.push(renderWarning(warning, { color }) + page);
    }
    if (error !== undefined) parts.push(renderError(error, { color }));
  }
  const count = results.reduce((sum, { findings }) => sum + findings.length, 0);
  const unavailable = [...new Set(results.flatMap((result) => result.unavailable))];
  if (unavailable.length > 0) {
    parts.push(`Not looked at: ${unavailable.join(', ')}. What depends on them was not checked.\n`);
  }
  if (exitCodeOf(results) === 0) parts.push('Nothing to complain about.\n');
  else if (count > 0) parts.push(`${plural(count, 'finding')}.\n`);
  return parts.join('\n');
}

/** The findings in the format of `docker build --call=check,format=json`. */
export function findingsJson(result: ShownResult, rules: RuleBook = RULES): Record<string, unknown> {
  const { findings, error, text, file, unavailable } = result;
  return {
    warnings: findings.map((finding) => ({
      ruleName: finding.code,
      description: descriptionOf(finding.code, rules),
      ...urlOf('url', finding.code, rules),
      detail: finding.hint === undefined ? finding.message : `${finding.message}. ${finding.hint}`,
      location: rangesOf(finding.location),
      ...adviceOf(finding),
    })),
    ...(error === undefined
      ? {}
      : {
          buildError: {
            message: error.message,
            ...(error.location === undefined ? {} : { location: rangesOf(error.location) }),
          },
        }),
    ...(unavailable.length === 0 ? {} : { unavailable }),
    sources: [{ filename: file, data: encoded(text), language: 'Dockerfile' }],
  };
}

/** A location in the format of Docker's JSON. */
export function rangesOf({ line, endLine = line }: Location): Record<string, unknown> {
  return { ranges: [{ start: { line }, end: { line: endLine } }] };
}

export function encoded(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** What only `lint` says of a finding: with the column, which Docker's format does not have. */
function adviceOf({ severity, confidence, stageName, bytes, fix, location }: ShownFinding): object {
  if (severity === undefined) return {};
  return {
    ...{ severity, column: location.column },
    ...(confidence !== undefined && { confidence }),
    ...(stageName !== undefined && { stage: stageName }),
    ...(bytes !== undefined && { bytes }),
    ...(confidence !== undefined && { fixable: fix !== undefined }),
  };
}

/** Levels of SARIF. */
const LEVELS = { error: 'error', warning: 'warning', info: 'note' } as const;
/** Levels of workflow commands. */
const ANNOTATIONS = { error: 'error', warning: 'warning', info: 'notice' } as const;

/** The findings as workflow commands of GitHub: an annotation a finding, at its line of the Dockerfile. */
export function findingsGithub(results: readonly ShownResult[]): string {
  const lines = results.flatMap(({ file, findings, error }) => [
    ...findings.map(({ code, message, hint, location, severity = 'warning' }) =>
      annotation(ANNOTATIONS[severity], { code, message, hint, location }, file),
    ),
    ...(error === undefined ? [] : [annotation('error', error, file)]),
  ]);
  return lines.map((line) => `${line}\n`).join('');
}

function annotation(
  level: string,
  {
    code,
    message,
    hint,
    location,
  }: { code: string; message: string; hint?: string | undefined; location?: Location | undefined },
  file: string,
): string {
  const { line = 1, column = 1, endLine } = location ?? {};
  return workflowCommand(level, hint === undefined ? message : `${message}. ${hint}`, {
    ...{ file, line: String(line) },
    // GitHub takes columns only within one line.
    ...(endLine === undefined || endLine === line ? { col: String(column) } : { endLine: String(endLine) }),
    title: code,
  });
}

/** The findings of several files as a SARIF 2.1.0 log. */
export function findingsSarif(
  results: readonly ShownResult[],
  rules: RuleBook = RULES,
): Record<string, unknown> {
  const codes = [...new Set(results.flatMap(({ findings }) => findings.map(({ code }) => code)))].sort();
  return sarifLog(
    codes.map((id) => ({
      id,
      shortDescription: { text: descriptionOf(id, rules) },
      ...urlOf('helpUri', id, rules),
    })),
    results.flatMap(({ file, findings, error }) => [
      ...findings.map((finding) => ({
        ...sarifResult(finding, file),
        level: LEVELS[finding.severity ?? 'warning'],
        ruleIndex: codes.indexOf(finding.code),
      })),
      ...(error === undefined ? [] : [{ ...sarifResult(error, file), level: 'error' }]),
    ]),
  );
}

function sarifResult(
  { code, message, hint, location }: Diagnostic | JettisonError,
  file: string,
): Record<string, unknown> {
  return {
    ruleId: code,
    message: { text: hint === undefined ? message : `${message}. ${hint}` },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: encodeURI(file) },
          region: {
            startLine: location?.line ?? 1,
            startColumn: location?.column ?? 1,
            ...(location?.endLine === undefined ? {} : { endLine: location.endLine }),
          },
        },
      },
    ],
  };
}

function descriptionOf(code: string, rules: RuleBook): string {
  return rules.get(code)?.description ?? 'Something odd that does not stop a build.';
}

/** The URL of Docker's page about a rule, if Docker has the rule. */
function urlOf<Key extends string>(key: Key, code: string, rules: RuleBook): Partial<Record<Key, string>> {
  const rule = rules.get(code);
  if (rule === undefined || rule.own) return {};
  const name = code.replace(/(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g, '-').toLowerCase();
  return { [key]: `https://docs.docker.com/go/dockerfile/rule/${name}/` } as Record<Key, string>;
}
