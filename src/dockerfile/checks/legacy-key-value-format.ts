import { defineCheck } from './define-check.ts';

export const legacyKeyValueFormat = defineCheck({
  id: 'LegacyKeyValueFormat',
  description: 'ENV and LABEL are written with "=".',
  on: 'instruction',
  check(instruction, report) {
    const { kind, location } = instruction;
    if ((kind !== 'ENV' && kind !== 'LABEL') || !instruction.legacy) return;
    report({
      message: `${kind} is written in its old form, with a space between name and value`,
      location,
      hint: `Write ${kind} name=value.`,
    });
  },
});
