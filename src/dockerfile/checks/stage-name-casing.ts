import { defineCheck } from './define-check.ts';

export const stageNameCasing = defineCheck({
  id: 'StageNameCasing',
  description: 'Names of stages are written in lower case.',
  on: 'stage',
  check({ from: { name } }, report) {
    if (name === undefined || name.text === name.text.toLowerCase()) return;
    report({
      message: `The name of the stage ${name.text} is not in lower case`,
      location: name.location,
      hint: `Write ${name.text.toLowerCase()}: Docker uses lower case.`,
    });
  },
});
