import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { usageError } from '../../errors/error.ts';
import type { ExecRequest } from '../../protocol/exec-request.ts';
import { builtinProfile, readProfile } from '../../run/seccomp-option.ts';

/** The parsed values of `--security-opt`. */
export interface SecurityOptions {
  noNewPrivileges: boolean;
  seccomp?: NonNullable<ExecRequest['seccomp']>;
}

/**
 * Parses the values of `--security-opt`. The last of each kind wins.
 *
 * @param capabilities of the command, on which profiles depend
 * @param cwd base of relative paths of profiles
 */
export function securityOptions(
  values: readonly string[],
  capabilities: readonly string[],
  cwd: string,
): SecurityOptions {
  const options: SecurityOptions = { noNewPrivileges: false };
  for (const value of values) {
    const privileges = /^no-new-privileges(?:[:=](true|false))?$/.exec(value);
    const seccomp = /^seccomp[:=](.+)$/.exec(value)?.[1];
    if (privileges !== null) options.noNewPrivileges = privileges[1] !== 'false';
    else if (seccomp !== undefined) options.seccomp = profile(seccomp, capabilities, cwd);
    else {
      throw usageError(
        `unknown security option "${value}"`,
        'The options are no-new-privileges, seccomp=builtin, seccomp=unconfined and seccomp=FILE.',
      );
    }
  }
  return options;
}

function profile(
  text: string,
  capabilities: readonly string[],
  cwd: string,
): SecurityOptions['seccomp'] & {} {
  if (text === 'unconfined') return text;
  if (text === 'builtin') return builtinProfile(capabilities);
  const path = resolve(cwd, text);
  if (!existsSync(path))
    throw usageError(
      `cannot read the seccomp profile ${text}: it does not exist`,
      'Check the path after seccomp=.',
    );
  return readProfile(readFileSync(path, 'utf8'), text, { capabilities });
}
