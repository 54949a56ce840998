import { join, resolve } from 'node:path';
import type { LintFinding } from '../advice/advise.ts';
import { type LintOptions, type LintResult, lint } from '../build/lint.ts';
import { parseForBuild } from '../build/planning.ts';
import { applyEdits, compatibleEdits } from '../dockerfile/text-edit.ts';
import { usageError } from '../errors/error.ts';
import { plural } from '../events/units.ts';
import type { Io } from './command.ts';
import type { FileEdit } from './patch-text.ts';
import { replaceFile } from './replace-file.ts';

/** One file, before and after its fixes. */
export interface Fixed extends FileEdit {
  count: number;
  /** What is left to find in the text after. */
  result: LintResult;
}

/**
 * Applies the fixes of findings to the text of a Dockerfile; of two that change the same characters, the first. All other
 * characters stay.
 */
export function fixText(text: string, findings: readonly LintFinding[]): { text: string; count: number } {
  const { edits, count } = compatibleEdits(findings.map(({ fix = [] }) => fix));
  return { text: applyEdits(text, edits), count };
}

/**
 * Applies fixes until nothing is left to fix: one may make room for another.
 *
 * @throws JettisonError when the file cannot be read
 */
export async function fixFile(
  options: LintOptions,
  wanted: (finding: LintFinding) => boolean,
): Promise<Fixed> {
  if (options.file === '-') throw usageError('--fix has no file to rewrite', 'Name a Dockerfile.');
  // What shellcheck finds has no fixes.
  const first = await lint({ ...options, shell: false });
  // Without a name, the Dockerfile is that of the context.
  const { context = '', file = join(context, first.file) } = options;
  let result = first;
  let count = 0;
  for (;;) {
    const fixed = fixText(result.text, result.findings.filter(wanted));
    if (fixed.count === 0 || fixed.text === result.text) break;
    // A text that is no Dockerfile any more would be a bug: it is not written.
    parseForBuild({ text: fixed.text, name: result.file }, options.buildArgs);
    count += fixed.count;
    result = await lint({ ...options, shell: false, text: fixed.text });
  }
  if (options.shell !== false) result = await lint({ ...options, text: result.text });
  return { file, before: first.text, after: result.text, count, result };
}

/** Writes the fixed files. */
export function writeFixed(fixed: readonly Fixed[], io: Io): void {
  for (const { file, after, before, count, result } of fixed) {
    if (after === before) continue;
    replaceFile(resolve(io.cwd, file), after);
    io.stderr.write(`Fixed ${plural(count, 'finding')} in ${result.file}.\n`);
  }
}
