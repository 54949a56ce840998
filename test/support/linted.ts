import type { LintFinding } from '../../src/advice/advise.ts';
import { lint } from '../../src/build/lint.ts';
import { tempDir, writeFiles } from './temp-dir.ts';

/** The day of all lints: releases that are supported then stay so in these tests. */
export const LINTED_ON = '2026-03-01';

/** Lints a Dockerfile in a context of these files, the Dockerfile's own folder. */
export async function linted(text: string, files: Record<string, string> = {}): Promise<LintFinding[]> {
  const context = tempDir();
  writeFiles(context, { Dockerfile: text, ...files });
  const { findings, error } = await lint({ context, env: {}, today: LINTED_ON });
  if (error !== undefined) throw error;
  return findings;
}

/** The rules that find something, in the order of the file. */
export async function rulesFor(text: string, files: Record<string, string> = {}): Promise<string[]> {
  return (await linted(text, files)).map(({ code }) => code);
}
