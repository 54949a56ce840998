import { defineCheck } from './define-check.ts';

export const duplicateStageName = defineCheck({
  id: 'DuplicateStageName',
  description: 'Every stage has a name of its own.',
  on: 'file',
  check({ stages }, report) {
    const seen = new Set<string>();
    for (const { name, from } of stages) {
      if (name === undefined) continue;
      if (seen.has(name)) {
        report({
          message: `A stage before this one is called ${name} too`,
          location: from.name!.location,
          hint: 'Give every stage a name of its own.',
        });
      }
      seen.add(name);
    }
  },
});
