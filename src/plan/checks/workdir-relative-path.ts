import { definePlanCheck } from './define-plan-check.ts';

export const workdirRelativePath = definePlanCheck({
  id: 'WorkdirRelativePath',
  description: 'A relative WORKDIR follows an absolute one of the same build.',
  on: 'workdir',
  check({ written, isFirst, location }, report) {
    if (written.startsWith('/') || !isFirst) return;
    report({
      message: `"${written}" is relative to the working directory of the base image, which may change with its version`,
      location,
      hint: 'Set an absolute WORKDIR first.',
    });
  },
});
