import { definePlanCheck } from './define-plan-check.ts';

export const redundantTargetPlatform = definePlanCheck({
  id: 'RedundantTargetPlatform',
  description: 'FROM --platform=$TARGETPLATFORM is what FROM does anyway.',
  on: 'from-platform',
  check({ stage, expansion: { text, used, unset }, target }, report) {
    if (used.length !== 1 || unset.length > 0 || used[0] !== 'TARGETPLATFORM' || text !== target.text) return;
    report({
      message: 'FROM takes the platform that is built for anyway',
      location: stage.from.platform!.location,
      hint: 'Leave out --platform.',
    });
  },
});
