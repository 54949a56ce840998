import { EXIT, JettisonError } from '../errors/error.ts';

const NAME = 'BUILDKIT_MULTI_PLATFORM';
/** As in Go's strconv.ParseBool. */
const TRUE = /^(?:1|t|T|TRUE|true|True)$/;
const FALSE = /^(?:0|f|F|FALSE|false|False)$/;

/**
 * Whether a build makes an index: for several platforms always, for one if the build argument BUILDKIT_MULTI_PLATFORM
 * is true.
 *
 * @throws JettisonError `PLATFORM_INVALID` for a value that is not a boolean, and for false with several platforms
 */
export function isMultiPlatform(buildArgs: Record<string, string> = {}, platforms: number): boolean {
  const given = buildArgs[NAME] ?? '';
  if (given === '') return platforms > 1;
  if (TRUE.test(given)) return true;
  if (!FALSE.test(given)) throw invalid(`invalid ${NAME} "${given}"`, `Write ${NAME}=1 or ${NAME}=0.`);
  if (platforms === 1) return false;
  throw invalid(
    `${NAME}=${given} cannot be used with ${platforms} platforms`,
    `Leave out ${NAME}, or give one --platform.`,
  );
}

function invalid(message: string, hint: string): JettisonError {
  return new JettisonError('PLATFORM_INVALID', message, { hint, exitCode: EXIT.usage });
}
