import { closest } from '../errors/closest.ts';
import { EXIT, JettisonError } from '../errors/error.ts';
import { CAPABILITY_NAMES, DEFAULT_CAPABILITIES } from '../launch/capabilities.ts';

/**
 * The capabilities of a command: Docker's default, minus `drop`, plus `add`. `ALL` means all capabilities; single names
 * take precedence over it: `--cap-drop ALL --cap-add CHOWN` leaves one.
 *
 * @param add names, with or without `CAP_`, in any case
 * @throws JettisonError `CAPABILITY_UNKNOWN`
 */
export function chosenCapabilities(add: readonly string[], drop: readonly string[]): string[] {
  const added = add.map(normalised);
  const dropped = drop.map(normalised);
  const start = added.includes('all')
    ? CAPABILITY_NAMES
    : dropped.includes('all')
      ? []
      : DEFAULT_CAPABILITIES;
  return CAPABILITY_NAMES.filter(
    (name) => added.includes(name) || (start.includes(name) && !dropped.includes(name)),
  );
}

function normalised(text: string): string {
  const name = text.toLowerCase().replace(/^cap_/, '');
  if (name === 'all' || CAPABILITY_NAMES.includes(name)) return name;
  const meant = closest(name, CAPABILITY_NAMES);
  throw new JettisonError('CAPABILITY_UNKNOWN', `unknown capability "${text}"`, {
    exitCode: EXIT.usage,
    hint: meant === undefined ? 'See capabilities(7).' : `Did you mean ${meant.toUpperCase()}?`,
  });
}
