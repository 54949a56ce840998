import type { CheckOptions, Diagnostic, Instruction } from '../ast.ts';
import { parseDirective } from '../directives.ts';
import { parseCheckOptions } from './check-options.ts';
import type { FileText, TextSubjects } from './define-check.ts';
import { inOrder, RuleRunner } from './rule.ts';
import { TEXT_RULES } from './text-rules.ts';

/** The findings about a file's text, in file order, without those that the file skips. */
export function checkText(file: FileText, checks: CheckOptions): Diagnostic[] {
  const found: Diagnostic[] = [];
  const rules = new RuleRunner<TextSubjects>(TEXT_RULES, checks, (diagnostic) => found.push(diagnostic));
  const instructions = instructionsOf(file);
  rules.check('file', file);
  for (const instruction of instructions) rules.check('instruction', instruction);
  for (const stage of file.stages) rules.check('stage', stage);
  found.push(...instructions.flatMap(invalidTrigger));
  // Findings at one place are in the order of the list of rules.
  const rank = new Map(TEXT_RULES.map(({ id }, i) => [id, i]));
  const ranked = found.sort((a, b) => (rank.get(a.code) ?? rank.size) - (rank.get(b.code) ?? rank.size));
  return withoutSkipped(inOrder(ranked), checks, instructions);
}

/** All instructions of a file, in order. */
export function instructionsOf({ globals, stages }: Pick<FileText, 'globals' | 'stages'>): Instruction[] {
  return [...globals, ...stages.flatMap((stage) => [stage.from, ...stage.instructions])];
}

/** Removes findings that the `check` directive, or a `# check=skip=…` comment above an instruction, skips. */
export function withoutSkipped(
  diagnostics: Diagnostic[],
  { skip }: CheckOptions,
  instructions: Instruction[],
): Diagnostic[] {
  const above = new Map<number, CheckOptions[]>();
  for (const instruction of instructions) {
    const options = optionsAbove(instruction);
    const { line, endLine = line } = instruction.location;
    for (let at = line; options.length > 0 && at <= endLine; at++) {
      above.set(at, [...(above.get(at) ?? []), ...options]);
    }
  }
  const skips = (list: string[] | 'all', code: string) => list === 'all' || list.includes(code);
  return diagnostics.filter(({ code, location }) => {
    if (skips(skip, code)) return false;
    return !(above.get(location.line) ?? []).some((options) => skips(options.skip, code));
  });
}

function optionsAbove({ comments = [], location, source }: Instruction): CheckOptions[] {
  return comments.flatMap((comment) => {
    const directive = parseDirective(`#${comment}`);
    return directive?.name === 'check' ? [parseCheckOptions(directive.value, { location, source })] : [];
  });
}

/** A warning that is not a rule: it cannot be made an error, and has no page. */
function invalidTrigger(instruction: Instruction): Diagnostic[] {
  if (instruction.kind !== 'ONBUILD' || instruction.trigger) return [];
  return [
    {
      code: 'InvalidOnbuildTrigger',
      message: 'This trigger is not a valid instruction: every build on top of the image will fail',
      location: instruction.location,
      hint: 'Correct the instruction after ONBUILD.',
    },
  ];
}
