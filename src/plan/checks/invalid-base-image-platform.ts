import { formatPlatform } from '../../image/platform.ts';
import { shownName } from '../named-contexts.ts';
import { definePlanCheck } from './define-plan-check.ts';

export const invalidBaseImagePlatform = definePlanCheck({
  id: 'InvalidBaseImagePlatform',
  description: 'A base image has the platform of the build.',
  on: 'base',
  check({ image, platform, location }, report) {
    const { os, architecture } = image.platform;
    if (os === platform.os && architecture === platform.architecture) return;
    const wanted = formatPlatform(platform);
    report({
      message: `The base image ${shownName(image.reference)} is for ${formatPlatform(image.platform)}, and the build for ${wanted}`,
      location,
      hint: `Use an image for ${wanted}, or set --platform.`,
    });
  },
});
