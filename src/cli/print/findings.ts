import type { CheckResult } from '../../build/check.ts';
import type { Diagnostic } from '../../dockerfile/ast.ts';
import type { JettisonError, Location } from '../../errors/error.ts';
import { renderError, renderWarning } from '../../errors/render.ts';
import { plural } from '../../events/units.ts';
import { RULES } from '../../plan/checks/plan-rules.ts';
import { sarifLog } from './sarif-log.ts';

/** Exit code of a check: 1 with findings, as in Docker. */
export function exitCodeOf(results: CheckResult[]): number {
  return results.every(({ findings, error }) => findings.length === 0 && error === undefined) ? 0 : 1;
}

/** The findings as text, each with its source line. */
export function findingsText(results: CheckResult[], color: boolean): string {
  const parts: string[] = [];
  for (const { findings, error, text } of results) {
    const lines = text.split('\n');
    for (const { code, message, location, hint } of findings) {
      const source = lines[location.line - 1];
      const warning = {
        ...{ code, message, location },
        ...(hint === undefined ? {} : { hint }),
        ...(source === undefined ? {} : { source }),
      };
      const page = RULES.has(code) ? `  rule: docs/rules/${code}.md\n` : '';
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
export function findingsJson(result: CheckResult): Record<string, unknown> {
  const { findings, error, text, file, unavailable } = result;
  return {
    warnings: findings.map((finding) => ({
      ruleName: finding.code,
      description: descriptionOf(finding.code),
      ...urlOf('url', finding.code),
      detail: finding.hint === undefined ? finding.message : `${finding.message}. ${finding.hint}`,
      location: rangesOf(finding.location),
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

/** The findings of several files as a SARIF 2.1.0 log. */
export function findingsSarif(results: CheckResult[]): Record<string, unknown> {
  const codes = [...new Set(results.flatMap(({ findings }) => findings.map(({ code }) => code)))].sort();
  return sarifLog(
    codes.map((id) => ({ id, shortDescription: { text: descriptionOf(id) }, ...urlOf('helpUri', id) })),
    results.flatMap(({ file, findings, error }) => [
      ...findings.map((finding) => ({
        ...sarifResult(finding, file),
        level: 'warning',
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

function descriptionOf(code: string): string {
  return RULES.get(code)?.description ?? 'Something odd that does not stop a build.';
}

/** The URL of Docker's page about a rule, if Docker has the rule. */
function urlOf<Key extends string>(key: Key, code: string): Partial<Record<Key, string>> {
  const rule = RULES.get(code);
  if (rule === undefined || rule.own) return {};
  const name = code.replace(/(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g, '-').toLowerCase();
  return { [key]: `https://docs.docker.com/go/dockerfile/rule/${name}/` } as Record<Key, string>;
}
