import type { Document } from 'yaml';
import { closest } from '../errors/closest.ts';
import { JettisonError } from '../errors/error.ts';
import type { AdviceSeverity } from './advice.ts';
import { rulesNamed } from './rule-names.ts';

/** What a `.hadolint.yaml` says that applies here. */
export interface LintSettings {
  /** Ids of rules that are turned off. */
  ignored: ReadonlySet<string>;
  /** By id of a rule, in place of its own. */
  severities: ReadonlyMap<string, AdviceSeverity>;
  /** The mildest finding that fails a lint; undefined where the file does not say. */
  failOn: AdviceSeverity | 'none' | undefined;
  /** Registries that base images may come from, `*` for any text; undefined: all of them. */
  trustedRegistries: readonly string[] | undefined;
  /** `# hadolint ignore=` comments count. */
  obeysComments: boolean;
  /** Sentences on settings that are not applied. */
  notes: readonly string[];
}

export const NO_SETTINGS: LintSettings = {
  ignored: new Set(),
  severities: new Map(),
  failOn: undefined,
  trustedRegistries: undefined,
  obeysComments: true,
  notes: [],
};

/** hadolint's severities. `style` has no counterpart here. */
const SEVERITY_OF: Record<string, AdviceSeverity> = {
  error: 'error',
  warning: 'warning',
  info: 'info',
  style: 'info',
};
/** Every finding is of a severity "ignore" or above. */
const THRESHOLD_OF: Record<string, AdviceSeverity> = { ...SEVERITY_OF, ignore: 'info', none: 'info' };
const LABELS = 'there are no rules on labels';
/** Settings that are read and not applied, with the reason. */
const UNAPPLIED: Record<string, string> = {
  'label-schema': LABELS,
  'strict-labels': LABELS,
  format: 'use --format',
  'no-color': 'set NO_COLOR',
};
const APPLIED = [
  'ignored',
  'override',
  'failure-threshold',
  'trustedRegistries',
  'no-fail',
  'disable-ignore-pragma',
];

/**
 * Reads a `.hadolint.yaml`:
 *
 *     ignored: [DL3008]
 *     override: { error: [DL3002] }
 *     failure-threshold: warning
 *     trustedRegistries: [docker.io, '*.example.com']
 *
 * @throws JettisonError `LINT_CONFIG_INVALID` with the line
 */
export async function parseLintSettings(text: string, file: string): Promise<LintSettings> {
  const { parseDocument, isMap, isNode, LineCounter } = await import('yaml');
  const lines = new LineCounter();
  const document: Document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const invalid = (message: string, offset = 0) => {
    const { line, col: column } = lines.linePos(offset);
    const hint = 'Write the file as for hadolint; docs/lint.md lists the settings that apply.';
    return new JettisonError('LINT_CONFIG_INVALID', message, { hint, location: { file, line, column } });
  };
  const [fault] = document.errors;
  if (fault !== undefined) throw invalid(`invalid YAML: ${fault.message}`, fault.pos[0]);
  const { contents } = document;
  if (contents === null) return NO_SETTINGS;
  if (!isMap(contents)) throw invalid('the settings are not a mapping');
  let values: Record<string, unknown>;
  try {
    values = contents.toJS(document) as Record<string, unknown>;
  } catch (error) {
    // Too many aliases.
    throw invalid(`invalid YAML: ${(error as Error).message}`);
  }
  const wrong = (path: string[], expected: string) => {
    const node = document.getIn(path, true);
    return invalid(`invalid ${path.join('.')}: ${expected}`, isNode(node) ? (node.range?.[0] ?? 0) : 0);
  };
  return settingsFrom(values, wrong);
}

type Wrong = (path: string[], expected: string) => JettisonError;

function settingsFrom(values: Record<string, unknown>, wrong: Wrong): LintSettings {
  const list = (value: unknown, ...path: string[]): string[] => {
    if (value === undefined || value === null) return [];
    if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value;
    throw wrong(path, 'it is not a list of names');
  };
  const flag = (name: string): boolean => {
    const value = values[name] ?? false;
    if (typeof value !== 'boolean') throw wrong([name], 'it is neither true nor false');
    return value;
  };
  const override = values['override'] ?? {};
  if (typeof override !== 'object' || Array.isArray(override)) {
    throw wrong(['override'], 'it is not a mapping of severities');
  }
  const severities = new Map<string, AdviceSeverity>();
  for (const [name, rules] of Object.entries(override)) {
    if (!Object.hasOwn(SEVERITY_OF, name)) {
      throw wrong(['override', name], `the severities are ${Object.keys(SEVERITY_OF).join(', ')}`);
    }
    for (const rule of list(rules, 'override', name).flatMap(rulesNamed)) {
      severities.set(rule, SEVERITY_OF[name]!);
    }
  }
  const threshold = values['failure-threshold'] ?? undefined;
  if (threshold !== undefined && (typeof threshold !== 'string' || !Object.hasOwn(THRESHOLD_OF, threshold))) {
    throw wrong(['failure-threshold'], `the severities are ${Object.keys(THRESHOLD_OF).join(', ')}`);
  }
  const trusted = values['trustedRegistries'] ?? undefined;
  return {
    ignored: new Set(list(values['ignored'], 'ignored').flatMap(rulesNamed)),
    severities,
    failOn: flag('no-fail')
      ? 'none'
      : threshold === undefined
        ? undefined
        : THRESHOLD_OF[threshold as string],
    trustedRegistries:
      trusted === undefined
        ? undefined
        : list(typeof trusted === 'string' ? [trusted] : trusted, 'trustedRegistries'),
    obeysComments: !flag('disable-ignore-pragma'),
    notes: Object.keys(values).flatMap(noteOn),
  };
}

function noteOn(name: string): string[] {
  if (APPLIED.includes(name)) return [];
  if (Object.hasOwn(UNAPPLIED, name)) return [`${name} is not applied: ${UNAPPLIED[name]}`];
  const meant = closest(name, [...APPLIED, ...Object.keys(UNAPPLIED)]);
  return [`unknown setting "${name}"${meant === undefined ? '' : `, close to ${meant}`}`];
}
