import { defineCheck } from './define-check.ts';

export const maintainerDeprecated = defineCheck({
  id: 'MaintainerDeprecated',
  description: 'A label says who maintains the image, not MAINTAINER.',
  on: 'instruction',
  check({ kind, location }, report) {
    if (kind !== 'MAINTAINER') return;
    report({
      message: 'MAINTAINER is an old way to name the author',
      location,
      hint: 'Write LABEL org.opencontainers.image.authors="…".',
    });
  },
});
