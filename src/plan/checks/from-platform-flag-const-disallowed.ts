import { JettisonError } from '../../errors/error.ts';
import { parsePlatform } from '../../image/platform.ts';
import type { Platform } from '../../image/types.ts';
import { definePlanCheck } from './define-plan-check.ts';

export const fromPlatformFlagConstDisallowed = definePlanCheck({
  id: 'FromPlatformFlagConstDisallowed',
  description: 'FROM --platform has no fixed value.',
  on: 'from-platform',
  check({ stage: { from }, expansion: { text, used, unset }, target }, report) {
    if (used.length > 0 || unset.length > 0) return;
    const platform = validPlatform(text, target.platform);
    if (platform === undefined) return;
    // A stage that is named after its platform has it deliberately.
    const name = from.name?.text ?? '';
    if (name.includes(platform.os) || name.includes(platform.architecture)) return;
    report({
      message: `This stage is always for ${text}, whatever the platform of the build`,
      location: from.platform!.location,
      hint: 'Use $BUILDPLATFORM or $TARGETPLATFORM, or name the stage after its platform.',
    });
  },
});

/** Undefined for an invalid platform, which stops the build with an error of its own. */
function validPlatform(text: string, fallback: Platform): Platform | undefined {
  try {
    return parsePlatform(text, fallback);
  } catch (error) {
    if (error instanceof JettisonError) return undefined;
    throw error;
  }
}
