import { relative, resolve } from 'node:path';
import { createTwoFilesPatch } from 'diff';
import type { Io } from './command.ts';

/** A file whose text changes; an empty text before is that of a new file. */
export interface FileEdit {
  file: string;
  before: string;
  after: string;
}

/** The edits as a patch for `git apply` or `patch -p1` in the working directory. */
export function patchOf(edits: readonly FileEdit[], { cwd }: Pick<Io, 'cwd'>): string {
  return edits
    .filter(({ before, after }) => before !== after)
    .map(({ file, before, after }) =>
      patchText(relative(cwd, resolve(cwd, file)), before === '' ? undefined : before, after),
    )
    .join('');
}

/**
 * A unified diff of one file.
 *
 * @param path relative to where the patch is applied
 * @param before undefined for a new file
 */
export function patchText(path: string, before: string | undefined, after: string): string {
  const old = before === undefined ? '/dev/null' : `a/${path}`;
  const patch = createTwoFilesPatch(old, `b/${path}`, before ?? '', after, undefined, undefined, {
    context: 3,
  });
  // Without the line of equals signs above it.
  return patch.slice(patch.indexOf('\n') + 1);
}
