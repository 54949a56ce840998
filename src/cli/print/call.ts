import { type CheckOptions, type CheckResult, check } from '../../build/check.ts';
import { wantsColor } from '../../errors/style.ts';
import type { Outline, OutlineMount, Target } from '../../plan/outline.ts';
import type { Io } from '../command.ts';
import { table } from './docker-units.ts';
import { encoded, exitCodeOf, findingsJson, findingsText, rangesOf } from './findings.ts';
import { toJson } from './template/values.ts';

/** The value of `--call`: analyses a Dockerfile instead of building it. */
export interface CallRequest {
  what: 'check' | 'outline' | 'targets';
  format: 'text' | 'json';
}

/**
 * Prints the result of `jettison build --call`: findings, arguments and secrets, or stages of a Dockerfile.
 *
 * @returns the exit code: 1 when a check has findings
 * @throws JettisonError an error that would stop the build; a check prints it instead
 */
export async function answerCall(call: CallRequest, options: CheckOptions, io: Io): Promise<number> {
  const result = await check({ ...options, targetOnly: call.what === 'outline' });
  if (call.what !== 'check' && result.error !== undefined) throw result.error;
  io.stdout.write(
    call.format === 'json'
      ? `${toJson(asJson(call.what, result), 2)}\n`
      : asText(call.what, result, wantsColor(io.stdout, io.env)),
  );
  return call.what === 'check' ? exitCodeOf([result]) : 0;
}

function asText(what: CallRequest['what'], result: CheckResult, color: boolean): string {
  switch (what) {
    case 'check':
      return findingsText([result], color);
    case 'outline':
      return outlineText(result.outline!);
    case 'targets':
      return table([['TARGET', 'DESCRIPTION'], ...result.targets.map(targetRow)]);
  }
}

function targetRow({ name, default: isDefault, description = '' }: Target): string[] {
  const mark = isDefault ? '(default)' : '';
  return [[name ?? '', mark].filter((part) => part !== '').join(' '), description];
}

function outlineText({ name, description, args, secrets, ssh }: Outline): string {
  const head = [
    ...(name === undefined ? [] : [['TARGET:', name]]),
    ...(description === undefined ? [] : [['DESCRIPTION:', description]]),
  ];
  const parts = head.length === 0 ? [] : [table(head)];
  if (args.length > 0) {
    const rows = args.map((arg) => [arg.name, arg.value ?? '', arg.description ?? '']);
    parts.push(table([['BUILD ARG', 'VALUE', 'DESCRIPTION'], ...rows]));
  }
  for (const [title, mounts] of [
    ['SECRET', secrets],
    ['SSH', ssh],
  ] as const) {
    const rows = mounts.map((mount) => [mount.name, mount.required ? 'true' : '']);
    if (rows.length > 0) parts.push(table([[title, 'REQUIRED'], ...rows]));
  }
  return parts.length === 0 ? 'This build takes no arguments, secrets or SSH agents.\n' : parts.join('\n');
}

/** With the names of Docker's JSON. */
function asJson(what: CallRequest['what'], result: CheckResult): Record<string, unknown> {
  const sources = [encoded(result.text)];
  const located = <T extends { location: Parameters<typeof rangesOf>[0] }>({ location, ...rest }: T) => ({
    ...rest,
    location: rangesOf(location),
  });
  switch (what) {
    case 'check':
      return findingsJson(result);
    case 'targets':
      return { targets: result.targets.map(located), sources };
    case 'outline': {
      const { args, secrets, ssh, ...rest } = result.outline!;
      const list = (name: string, mounts: OutlineMount[]) =>
        mounts.length === 0 ? {} : { [name]: mounts.map(located) };
      return {
        ...rest,
        ...(args.length === 0 ? {} : { args: args.map(located) }),
        ...list('secrets', secrets),
        ...list('ssh', ssh),
        sources,
      };
    }
  }
}
