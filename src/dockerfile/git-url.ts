import { JettisonError } from '../errors/error.ts';

/** A git repository as ADD, a build context or --build-context names it. */
export interface GitSource {
  /** What git is given. */
  url: string;
  /** Branch, tag or commit; absent: the repository's default branch. */
  ref?: string;
  /** Directory inside the repository, clean and relative. */
  subdir?: string;
  /** The commit, or the beginning of it, that must come. */
  checksum?: string;
  keepGitDir?: boolean;
  /** Default: true. */
  submodules?: boolean;
}

const SCP = /^[\w.-]+@[\w.-]+:[^:]/;
const QUERY = ['ref', 'branch', 'tag', 'subdir', 'checksum', 'commit', 'keep-git-dir', 'submodules'];

/** Whether a text is an http or https URL. */
export function isHttpUrl(text: string): boolean {
  return /^https?:\/\//.test(text);
}

/**
 * Reads the URL of a git repository: `https://…/repo.git`, `ssh://`, `git://` or `user@host:path`, each with
 * `#ref:subdir` or `?ref=…&subdir=…` behind. An http URL is one only if its path ends with `.git`.
 *
 * @returns undefined when it is not one
 * @throws JettisonError `GIT_URL` when it is one with a fragment or query that makes no sense
 */
export function parseGitUrl(text: string): GitSource | undefined {
  const [, written, query, fragment] = /^([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(text) ?? [];
  if (written === undefined || !isRepository(written)) return undefined;
  const source: GitSource = { url: written };
  if (query !== undefined) readQuery(source, query, text);
  if (fragment !== undefined) {
    const colon = fragment.indexOf(':');
    const ref = colon < 0 ? fragment : fragment.slice(0, colon);
    const subdir = colon < 0 ? '' : fragment.slice(colon + 1);
    if ((ref !== '' && source.ref !== undefined) || (subdir !== '' && source.subdir !== undefined)) {
      throw invalid(text, 'its query and its fragment say the same', 'Use one of them.');
    }
    if (ref !== '') source.ref = ref;
    if (subdir !== '') source.subdir = subdir;
  }
  // git would take it for a flag.
  if (source.ref?.startsWith('-')) throw invalid(text, `"${source.ref}" is no branch, tag or commit`);
  if (source.subdir !== undefined) source.subdir = cleanSubdir(source.subdir);
  if (source.subdir === '') delete source.subdir;
  return source;
}

/** The same for a build context, where `github.com/owner/repo` is one, too. */
export function parseContextGitUrl(text: string): GitSource | undefined {
  return text.startsWith('github.com/') ? parseGitUrl(githubUrl(text)) : parseGitUrl(text);
}

function githubUrl(text: string): string {
  const [, path = '', rest = ''] = /^([^?#]*)(.*)$/s.exec(text) ?? [];
  return `https://${path.endsWith('.git') ? path : `${path}.git`}${rest}`;
}

function isRepository(url: string): boolean {
  if (isHttpUrl(url)) return url.endsWith('.git');
  return /^(?:ssh|git):\/\/[^-/]/.test(url) || SCP.test(url);
}

function readQuery(source: GitSource, query: string, text: string): void {
  for (const [name, value] of new URLSearchParams(query)) {
    switch (name) {
      case 'ref':
      case 'branch':
      case 'tag': {
        if (source.ref !== undefined) throw invalid(text, 'it names more than one branch or tag');
        source.ref = name === 'ref' ? value : `refs/${name === 'tag' ? 'tags' : 'heads'}/${value}`;
        break;
      }
      case 'subdir':
        source.subdir = value;
        break;
      case 'checksum':
      case 'commit':
        source.checksum = value;
        break;
      case 'keep-git-dir':
        source.keepGitDir = isYes(value);
        break;
      case 'submodules':
        source.submodules = isYes(value);
        break;
      default:
        throw invalid(text, `it has no "${name}"`, `Its query takes ${QUERY.join(', ')}.`);
    }
  }
}

function isYes(value: string): boolean {
  return value === '' || /^(1|t|true)$/i.test(value);
}

/** `..` stops at the repository's root. */
function cleanSubdir(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/');
}

function invalid(text: string, reason: string, hint = 'Write REPOSITORY.git#REF:SUBDIR.'): JettisonError {
  return new JettisonError('GIT_URL', `"${text}" is no git repository: ${reason}`, { hint });
}
