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
    // A stage that says in its name which platform it is for is meant so.
    const name = from.name?.text ?? '';
    if (name.includes(platform.os) || name.includes(platform.architecture)) return;
    report({
      message: `This stage is always for ${text}, whatever the build is for`,
      location: from.platform!.location,
      hint: 'Use $BUILDPLATFORM or $TARGETPLATFORM, or name the stage after its platform.',
    });
  },
});

/** Undefined for an invalid one: it stops the build with a better message than a rule has. */
function validPlatform(text: string, fallback: Platform): Platform | undefined {
  try {
    return parsePlatform(text, fallback);
  } catch (error) {
    if (error instanceof JettisonError) return undefined;
    throw error;
  }
}
