import { defineCheck } from './define-check.ts';

export const maintainerDeprecated = defineCheck({
  id: 'MaintainerDeprecated',
  description: 'The author is named by a label, not by MAINTAINER.',
  on: 'instruction',
  check({ kind, location }, report) {
    if (kind !== 'MAINTAINER') return;
    report({
      message: 'MAINTAINER is deprecated',
      location,
      hint: 'Write LABEL org.opencontainers.image.authors="…".',
    });
  },
});
