import { defineCheck } from './define-check.ts';

const RESERVED = new Set(['context', 'scratch']);

export const reservedStageName = defineCheck({
  id: 'ReservedStageName',
  description: 'No stage has a reserved name.',
  on: 'stage',
  check({ name, from }, report) {
    if (name === undefined || !RESERVED.has(name)) return;
    report({
      message: `${name} is a reserved word, which should not be the name of a stage`,
      location: from.name!.location,
      hint: 'Choose another name.',
    });
  },
});
