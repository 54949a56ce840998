import type { Diagnostic, Instruction } from '../dockerfile/ast.ts';
import { instructionsOf, withoutSkipped } from '../dockerfile/checks/check-text.ts';
import { inOrder } from '../dockerfile/checks/rule.ts';
import type { TextEdit } from '../dockerfile/text-edit.ts';
import type {
  AdviceFacts,
  AdviceFinding,
  AdviceSeverity,
  AdviceSubjects,
  AnyAdvice,
  Evidence,
} from './advice.ts';
import { type LintSettings, NO_SETTINGS } from './lint-settings.ts';
import { ADVICE } from './rules.ts';
import { Suppression } from './suppression.ts';

/** A finding of a rule, of Docker's or of ours. */
export interface LintFinding extends Diagnostic {
  severity: AdviceSeverity;
  /** Only of advice. */
  confidence?: AdviceFacts['confidence'];
  /** Name or number of the stage. */
  stageName?: string;
  /** Bytes of the image or of the context that go away. */
  bytes?: number;
  /** Edits of the Dockerfile that remove it. */
  fix?: TextEdit[];
}

/** The rules of advice by id. */
export const ADVICE_RULES: ReadonlyMap<string, AdviceFacts> = new Map(ADVICE.map((rule) => [rule.id, rule]));

/**
 * The findings about a Dockerfile in its order, without those that its comments or the settings turn off.
 *
 * @param docker findings of Docker's rules, which comments of ours and of hadolint turn off, too
 * @param rules those of advice to check; default: all
 */
export function advise(
  evidence: Evidence,
  docker: readonly Diagnostic[],
  { ignored, severities, obeysComments }: LintSettings = NO_SETTINGS,
  rules: readonly AnyAdvice[] = ADVICE,
): LintFinding[] {
  const { dockerfile } = evidence;
  const suppression = new Suppression(dockerfile, obeysComments);
  const found = rules.flatMap((rule) => findingsOf(rule, evidence));
  const instructions = instructionsOf(dockerfile);
  const own = withoutSkipped(
    yielding(found, rules, instructions),
    dockerfile.checks,
    instructions,
  ) as LintFinding[];
  const all = [...docker.map((one): LintFinding => ({ severity: 'warning', ...one })), ...own];
  const shown = all
    .filter(({ code, location }) => !ignored.has(code) && !suppression.hides(code, location.line))
    .map((one) => ({ ...one, severity: severities.get(one.code) ?? one.severity }));
  return inOrder(shown) as LintFinding[];
}

/** Leaves out findings of rules that yield to others which say the same of an instruction: those get the bytes. */
function yielding(
  found: LintFinding[],
  rules: readonly AnyAdvice[],
  instructions: readonly Instruction[],
): LintFinding[] {
  const yields = new Map(
    rules.flatMap(({ id, yieldsTo }) => (yieldsTo === undefined ? [] : [[id, yieldsTo] as const])),
  );
  const instructionAt = (line: number) => instructions.findLast(({ location }) => location.line <= line);
  return found.filter(({ code, location, bytes }) => {
    const at = instructionAt(location.line);
    const other = found.find(
      (one) => yields.get(code)?.includes(one.code) && instructionAt(one.location.line) === at,
    );
    if (other !== undefined && bytes !== undefined) other.bytes = bytes;
    return other === undefined;
  });
}

function findingsOf(rule: AnyAdvice, evidence: Evidence): LintFinding[] {
  const found: LintFinding[] = [];
  if (rule.needsImage && evidence.image === undefined) return found;
  const report = ({ stage, severity = rule.severity, ...finding }: AdviceFinding) => {
    const { index, label: stageName } = stage;
    found.push({ code: rule.id, confidence: rule.confidence, severity, stage: index, stageName, ...finding });
  };
  for (const subject of subjectsOf(rule.on, evidence)) {
    // The subjects are those of `on`.
    rule.check(subject as never, report, evidence);
  }
  return found;
}

function* subjectsOf(on: AnyAdvice['on'], evidence: Evidence): Generator<AdviceSubjects[typeof on]> {
  if (on === 'file') {
    yield evidence;
    return;
  }
  for (const stage of evidence.stages) {
    if (on === 'stage') yield stage;
    else
      for (const run of stage.runs) {
        if (on === 'run') yield { run, stage };
        else for (const command of run.commands) yield { command, run, stage };
      }
  }
}
