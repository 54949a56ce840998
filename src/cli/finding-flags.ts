import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { SEVERITIES, type Severity } from '../advisories/advisory.ts';
import { JettisonError } from '../errors/error.ts';
import { type IgnoreRule, readIgnoreFile } from '../scan/ignore-rules.ts';
import type { Io } from './command.ts';
import type { FlagTable } from './flag.ts';

/** Flags of the commands that report findings. */
export const FINDING_FLAGS = {
  ignore: { value: 'FILE', many: true, help: 'Findings that do not count, each with a reason' },
  json: { help: 'The same as --format json' },
} as const satisfies FlagTable;

export const FAIL_ON_HELP = 'Exit with 1 when there is a finding of this severity or a worse one';

/** Whether a severity is that of --fail-on or a worse one. @param limit undefined: without --fail-on */
export function isAtLeast(severity: Severity, limit: Severity | undefined): boolean {
  return limit !== undefined && SEVERITIES.indexOf(severity) <= SEVERITIES.indexOf(limit);
}

/**
 * The rules of all files that --ignore names.
 *
 * @throws JettisonError `IGNORE_INVALID`
 */
export function readRules(files: readonly string[], io: Io): IgnoreRule[] {
  return files.flatMap((file) => readIgnoreFile(textOf(file, io), file));
}

function textOf(file: string, io: Io): string {
  try {
    return readFileSync(resolve(io.cwd, file), 'utf8');
  } catch (cause) {
    throw new JettisonError('IGNORE_INVALID', `cannot read ${file}: ${(cause as Error).message}`, {
      hint: 'Name a file with a line a finding: CVE-2023-45853 zlib: minizip is not used.',
      exitCode: 2,
      cause,
    });
  }
}
