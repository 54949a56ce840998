import type { ArgInstruction, Diagnostic, StageText } from '../dockerfile/ast.ts';
import type { CheckId } from '../dockerfile/checks.ts';
import { type Expansion, expand, type Lookup } from '../dockerfile/expand.ts';
import { findDidYouMean } from '../dockerfile/suggest.ts';
import { JettisonError, type Location } from '../errors/error.ts';
import { parsePlatform } from '../image/platform.ts';
import { parseReference } from '../image/reference.ts';
import type { Platform } from '../image/types.ts';

/** Arguments that a part of a FROM asks for and that no ARG before the first FROM declares. */
export function undeclaredArgs(
  { unset }: Expansion,
  declared: ReadonlyMap<string, unknown>,
  location: Location,
): Diagnostic[] {
  return unset
    .filter((name) => !declared.has(name))
    .map((name) => {
      const near = findDidYouMean(name, declared.keys());
      return {
        code: 'UndefinedArgInFrom' satisfies CheckId,
        message: `FROM uses the argument ${name}, and no ARG before the first FROM declares it`,
        location,
        hint: near === undefined ? `Write ARG ${name} before the first FROM.` : `Did you mean ${near}?`,
      };
    });
}

/** What can be said against the --platform of a FROM. @param expansion of its value */
export function checkFromPlatform(
  stage: StageText,
  expansion: Expansion,
  target: { platform: Platform; text: string },
): Diagnostic[] {
  const location = stage.from.platform!.location;
  const { text, used, unset } = expansion;
  if (used.length === 1 && unset.length === 0 && used[0] === 'TARGETPLATFORM' && text === target.text) {
    return [
      {
        code: 'RedundantTargetPlatform' satisfies CheckId,
        message: 'FROM takes the platform that is built for anyway',
        location,
        hint: 'Leave out --platform.',
      },
    ];
  }
  if (used.length > 0 || unset.length > 0) return [];
  let platform: Platform;
  try {
    platform = parsePlatform(text, target.platform);
  } catch (error) {
    // It stops the build with a better message than a check has.
    if (error instanceof JettisonError) return [];
    throw error;
  }
  // A stage that says in its name which platform it is for is meant so.
  const name = stage.from.name?.text ?? '';
  if (name.includes(platform.os) || name.includes(platform.architecture)) return [];
  return [
    {
      code: 'FromPlatformFlagConstDisallowed' satisfies CheckId,
      message: `This stage is always for ${text}, whatever the build is for`,
      location,
      hint: 'Use $BUILDPLATFORM or $TARGETPLATFORM, or name the stage after its platform.',
    },
  ];
}

/** Stages whose image has no valid name when nobody passes a build argument. */
export function checkDefaultNames(
  stages: readonly StageText[],
  globals: readonly ArgInstruction[],
  predefined: Lookup,
  escapeCharacter: '\\' | '`',
): Diagnostic[] {
  const defaults = new Map<string, string>();
  const lookup: Lookup = (name) => defaults.get(name) ?? predefined(name);
  const text = (written: string): string | undefined => {
    try {
      return expand(written, lookup, { escape: escapeCharacter }).text;
    } catch (error) {
      if (error instanceof JettisonError) return undefined;
      throw error;
    }
  };
  for (const { name, value } of globals.flatMap(({ args }) => args)) {
    const fallback = value === undefined ? undefined : text(value.text);
    if (fallback !== undefined) defaults.set(name.text, fallback);
  }
  return stages.flatMap(({ from }) => {
    const { image } = from;
    if (!image.text.includes('$') || isName(text(image.text))) return [];
    return [
      {
        code: 'InvalidDefaultArgInFrom' satisfies CheckId,
        message: `Without build arguments "${image.text}" is no valid image name`,
        location: image.location,
        hint: 'Give its arguments defaults: ARG NAME=value.',
      },
    ];
  });
}

function isName(text: string | undefined): boolean {
  try {
    return text !== undefined && text !== '' && parseReference(text) !== undefined;
  } catch (error) {
    if (error instanceof JettisonError) return false;
    throw error;
  }
}
