import type { Instruction } from '../ast.ts';
import { defineCheck } from './define-check.ts';

const ONLY_LAST_COUNTS = new Set<Instruction['kind']>(['CMD', 'ENTRYPOINT', 'HEALTHCHECK']);

export const multipleInstructionsDisallowed = defineCheck({
  id: 'MultipleInstructionsDisallowed',
  description: 'CMD, ENTRYPOINT and HEALTHCHECK occur once in a stage: only the last one counts.',
  on: 'stage',
  check({ index, instructions }, report) {
    const last = new Map<string, Instruction>();
    for (const instruction of instructions) {
      const { kind } = instruction;
      const earlier = last.get(kind);
      last.set(kind, instruction);
      if (earlier === undefined || !ONLY_LAST_COUNTS.has(kind)) continue;
      report({
        message: `Another ${kind} follows in this stage, and only the last one counts`,
        location: earlier.location,
        hint: 'Remove this one.',
        stage: index,
      });
    }
  },
});
