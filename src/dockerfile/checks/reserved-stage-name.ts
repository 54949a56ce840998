import { defineCheck } from './define-check.ts';

const RESERVED = new Set(['context', 'scratch']);

export const reservedStageName = defineCheck({
  id: 'ReservedStageName',
  description: 'No stage is called by a reserved word.',
  on: 'stage',
  check({ name, from }, report) {
    if (name === undefined || !RESERVED.has(name)) return;
    report({
      message: `${name} means something else to Docker: a stage should not be called so`,
      location: from.name!.location,
      hint: 'Choose another name.',
    });
  },
});
