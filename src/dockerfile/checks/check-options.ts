import { JettisonError, type Location } from '../../errors/error.ts';
import type { CheckOptions } from '../ast.ts';

const TRUE = ['1', 't', 'T', 'TRUE', 'true', 'True'];
const FALSE = ['0', 'f', 'F', 'FALSE', 'false', 'False'];

/** The defaults. */
export const NO_CHECK_OPTIONS: CheckOptions = { skip: [], error: false, experimental: [] };

/**
 * Parses the value of a `check` directive: `skip=A,B;error=true;experimental=all`. Text after `//` is a comment.
 * @throws JettisonError `CHECK_OPTION`
 */
export function parseCheckOptions(
  value: string,
  place: { location?: Location; source?: string } = {},
): CheckOptions {
  const options: CheckOptions = { ...NO_CHECK_OPTIONS };
  const text = value.replace(/(^|\s)\/\/.*$/s, '').trim();
  if (text === '') return options;
  for (const part of text.split(';')) {
    const [key = '', setting] = splitOnce(part);
    if (key === 'skip' && setting !== undefined) options.skip = names(setting);
    else if (key === 'experimental' && setting !== undefined) options.experimental = names(setting);
    else if (key === 'error' && TRUE.includes(setting ?? '')) options.error = true;
    else if (key === 'error' && FALSE.includes(setting ?? '')) options.error = false;
    else {
      throw new JettisonError('CHECK_OPTION', `invalid option "${part.trim()}" in the check directive`, {
        hint: 'Options are skip=<checks> or skip=all, error=true or error=false, and experimental=<checks>, separated by ;.',
        ...place,
      });
    }
  }
  return options;
}

function splitOnce(part: string): [string, string | undefined] {
  const at = part.indexOf('=');
  return at < 0 ? [part.trim(), undefined] : [part.slice(0, at).trim(), part.slice(at + 1).trim()];
}

function names(setting: string): string[] | 'all' {
  return setting === 'all' ? 'all' : setting.split(',').map((name) => name.trim());
}
