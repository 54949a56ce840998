import { definePlanCheck } from './define-plan-check.ts';

export const copyIgnoredFile = definePlanCheck({
  id: 'CopyIgnoredFile',
  description: 'COPY uses no file that .dockerignore excludes.',
  on: 'context-source',
  experimental: true,
  check({ written, location, ignoredBy }, report) {
    if (ignoredBy === undefined) return;
    report({
      message: `"${written}" is not part of the build context: ${ignoredBy} excludes it`,
      location,
      hint: 'Include it by a later line that begins with !, or do not copy it.',
    });
  },
});
