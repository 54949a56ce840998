import { starMatcher } from '../../fields/star-pattern.ts';
import { parseReference } from '../../image/reference.ts';
import { defineAdvice } from '../advice.ts';

export const trustedRegistry = defineAdvice({
  id: 'TrustedRegistry',
  description: 'Base images come from the registries that the settings name.',
  severity: 'error',
  confidence: 'certain',
  aliases: ['DL3026'],
  on: 'stage',
  check(stage, report, { trustedRegistries }) {
    // A stage on another one has the image of that one, where it is reported.
    if (trustedRegistries === undefined || stage.base !== undefined || stage.image === undefined) return;
    const { registry } = parseReference(stage.image.repository);
    if (trustedRegistries.some((pattern) => starMatcher(pattern)(registry))) return;
    report({
      message: `${registry} is not among the trusted registries: ${trustedRegistries.join(', ')}`,
      hint: `Use an image of one of them, or add ${registry} to trustedRegistries.`,
      location: stage.text.from.image.location,
      stage,
    });
  },
});
