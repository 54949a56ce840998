import { definePlanCheck } from './define-plan-check.ts';

export const redundantTargetPlatform = definePlanCheck({
  id: 'RedundantTargetPlatform',
  description: 'FROM --platform=$TARGETPLATFORM is the default.',
  on: 'from-platform',
  check({ stage, expansion: { text, used, unset }, target }, report) {
    if (used.length !== 1 || unset.length > 0 || used[0] !== 'TARGETPLATFORM' || text !== target.text) return;
    report({
      message: 'FROM uses the target platform by default',
      location: stage.from.platform!.location,
      hint: 'Leave out --platform.',
    });
  },
});
