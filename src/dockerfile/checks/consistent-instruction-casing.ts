import { defineCheck } from './define-check.ts';

export const consistentInstructionCasing = defineCheck({
  id: 'ConsistentInstructionCasing',
  description: 'All instructions are written in the same case.',
  on: 'file',
  check({ stages }, report) {
    const instructions = stages.flatMap((stage) => [stage.from, ...stage.instructions]);
    // The majority decides; mixed case counts for neither.
    const lower = instructions.filter(({ keyword }) => keyword === keyword.toLowerCase()).length;
    const upper = instructions.filter(({ keyword }) => keyword === keyword.toUpperCase()).length;
    const isLower = lower > upper;
    for (const { keyword, location } of instructions) {
      const right = isLower ? keyword.toLowerCase() : keyword.toUpperCase();
      if (keyword === right) continue;
      const { file, line, column } = location;
      report({
        message: `${keyword} is not in the case of most instructions here, ${isLower ? 'lower' : 'upper'} case`,
        location: { file, line, column },
        hint: `Write ${right}.`,
      });
    }
  },
});
