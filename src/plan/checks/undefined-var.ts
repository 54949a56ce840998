import { definePlanCheck } from './define-plan-check.ts';

export const undefinedVar = definePlanCheck({
  id: 'UndefinedVar',
  description: 'Variables are set before they are used.',
  on: 'unset-variable',
  check({ name, location, suggestion }, report) {
    report({
      message: `The variable ${name} is used here, but nothing sets it`,
      location,
      hint: suggestion === undefined ? `Set it with ARG or ENV before.` : `Did you mean $${suggestion}?`,
    });
  },
});
