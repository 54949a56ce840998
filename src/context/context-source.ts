import { statSync } from 'node:fs';
import { type GitSource, isHttpUrl, parseContextGitUrl } from '../dockerfile/git-url.ts';

/** Where the files of a build context are. */
export type ContextSource =
  | { kind: 'directory'; path: string }
  /** A tar, plain or compressed. */
  | { kind: 'archive'; path: string }
  /** A tar, or a Dockerfile alone. */
  | { kind: 'stdin' }
  | { kind: 'git'; source: GitSource }
  /** A tar, or a Dockerfile alone. */
  | { kind: 'http'; url: string };

/**
 * Tells what a build context is by how it is written. What exists as a file is an archive; everything else that is
 * no URL is a directory, whether it exists or not.
 *
 * @throws JettisonError `GIT_URL`
 */
export function contextSource(text: string): ContextSource {
  if (text === '-') return { kind: 'stdin' };
  const source = parseContextGitUrl(text);
  // Something that is here is meant before github.com/… is.
  if (source !== undefined && !(text.startsWith('github.com/') && statOf(text)))
    return { kind: 'git', source };
  if (isHttpUrl(text)) return { kind: 'http', url: text };
  return statOf(text)?.isFile() ? { kind: 'archive', path: text } : { kind: 'directory', path: text };
}

/** Undefined when it is missing or cannot be looked at: opening it gives the reason. */
export function statOf(path: string) {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
