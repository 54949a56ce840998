import { findDidYouMean } from '../../dockerfile/suggest.ts';
import { definePlanCheck } from './define-plan-check.ts';

export const undefinedArgInFrom = definePlanCheck({
  id: 'UndefinedArgInFrom',
  description: 'FROM uses arguments that are declared before it.',
  on: 'from-word',
  check({ expansion, declared, location }, report) {
    for (const name of expansion.unset) {
      if (declared.has(name)) continue;
      const near = findDidYouMean(name, declared.keys());
      report({
        message: `FROM uses the argument ${name}, and no ARG before the first FROM declares it`,
        location,
        hint: near === undefined ? `Write ARG ${name} before the first FROM.` : `Did you mean ${near}?`,
      });
    }
  },
});
