import { ADVICE } from './rules.ts';

/** Rules of Docker that hadolint has under an id of its own. */
const DOCKER_ALIASES: Record<string, readonly string[]> = {
  DL3000: ['WorkdirRelativePath'],
  DL3012: ['MultipleInstructionsDisallowed'],
  DL3024: ['DuplicateStageName'],
  DL3025: ['JSONArgsRecommended'],
  DL3029: ['FromPlatformFlagConstDisallowed'],
  DL4000: ['MaintainerDeprecated'],
  DL4003: ['MultipleInstructionsDisallowed'],
  DL4004: ['MultipleInstructionsDisallowed'],
};

/** The ids of the rules that a name stands for: an id itself, or the id of the same rules in hadolint. */
export function rulesNamed(name: string): readonly string[] {
  if (Object.hasOwn(DOCKER_ALIASES, name)) return DOCKER_ALIASES[name]!;
  const rules = ADVICE.filter(({ aliases }) => aliases.includes(name));
  return rules.length === 0 ? [name] : rules.map(({ id }) => id);
}
