import { defineCheck } from './define-check.ts';

export const noEmptyContinuation = defineCheck({
  id: 'NoEmptyContinuation',
  description: 'No empty line stands inside a continued instruction.',
  on: 'file',
  check({ parts }, report) {
    for (const part of parts) {
      if (part.kind !== 'instruction') continue;
      for (const location of part.emptyLines) {
        report({
          message: 'This empty line stands inside an instruction',
          location,
          hint: 'Remove it, or begin it with #.',
        });
      }
    }
  },
});
