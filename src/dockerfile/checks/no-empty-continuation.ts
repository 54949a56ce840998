import { defineCheck } from './define-check.ts';

export const noEmptyContinuation = defineCheck({
  id: 'NoEmptyContinuation',
  description: 'A continued instruction has no empty lines.',
  on: 'file',
  check({ parts }, report) {
    for (const part of parts) {
      if (part.kind !== 'instruction') continue;
      for (const location of part.emptyLines) {
        report({
          message: 'this empty line is inside an instruction',
          location,
          hint: 'Remove it, or begin it with #.',
        });
      }
    }
  },
});
