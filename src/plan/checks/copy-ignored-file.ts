import { definePlanCheck } from './define-plan-check.ts';

export const copyIgnoredFile = definePlanCheck({
  id: 'CopyIgnoredFile',
  description: 'COPY takes no file that .dockerignore leaves out.',
  on: 'context-source',
  experimental: true,
  check({ written, location, ignoredBy }, report) {
    if (ignoredBy === undefined) return;
    report({
      message: `"${written}" is not part of the build context: ${ignoredBy} keeps it out`,
      location,
      hint: 'Let it in with a later line that begins with !, or do not copy it.',
    });
  },
});
