import { defineCheck } from './define-check.ts';

export const duplicateStageName = defineCheck({
  id: 'DuplicateStageName',
  description: 'Every stage has a different name.',
  on: 'file',
  check({ stages }, report) {
    const seen = new Set<string>();
    for (const { name, from } of stages) {
      if (name === undefined) continue;
      if (seen.has(name)) {
        report({
          message: `an earlier stage has the name ${name} too`,
          location: from.name!.location,
          hint: 'Rename one of the stages.',
        });
      }
      seen.add(name);
    }
  },
});
