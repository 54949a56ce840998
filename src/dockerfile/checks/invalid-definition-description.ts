import type { Instruction } from '../ast.ts';
import { parseDirective } from '../directives.ts';
import { defineCheck } from './define-check.ts';

export const invalidDefinitionDescription = defineCheck({
  id: 'InvalidDefinitionDescription',
  description: 'A comment above a stage or an argument begins with its name.',
  on: 'instruction',
  experimental: true,
  check(instruction, report) {
    const { kind, comments = [], location } = instruction;
    const names = namesOf(instruction);
    const last = comments.filter((comment) => parseDirective(`#${comment}`)?.name !== 'check').at(-1);
    if (last === undefined || names.length === 0 || names.includes(last.split(' ')[0]!)) return;
    report({
      message: `The comment above this ${kind} does not begin with ${names.length > 1 ? 'the name of one of its arguments' : names[0]}`,
      location,
      hint: 'Begin it with the name; if it is not a description, put an empty comment (#) between.',
    });
  },
});

/** The names that an instruction defines. */
function namesOf(instruction: Instruction): string[] {
  if (instruction.kind === 'ARG') return instruction.args.map(({ name }) => name.text);
  if (instruction.kind === 'FROM' && instruction.name) return [instruction.name.text.toLowerCase()];
  return [];
}
