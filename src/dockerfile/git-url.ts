import { JettisonError } from '../errors/error.ts';

/** A git repository in ADD, a build context or --build-context. */
export interface GitSource {
  /** The URL for git, without query and fragment. */
  url: string;
  /** Branch, tag or commit; absent: the repository's default branch. */
  ref?: string;
  /** Directory inside the repository, normalised and relative. */
  subdir?: string;
  /** The expected commit, or a prefix of it. */
  checksum?: string;
  keepGitDir?: boolean;
  /** Default: true. */
  submodules?: boolean;
  /** Time of all files: that of the commit (default), or of the checkout. */
  mtime?: 'commit' | 'checkout';
  /** Fetches the commit of the checksum, even if the branch or tag has moved. */
  fetchByCommit?: boolean;
}

const SCP = /^[\w.-]+@[\w.-]+:[^:]/;
const COMMIT = /^[0-9a-f]{1,64}$/i;
const WHOLE_COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
const QUERY: Record<string, (source: GitSource, value: string, name: string) => void> = {
  ref: setRef,
  branch: (source, value) => setRef(source, below('refs/heads/', value)),
  tag: (source, value) => setRef(source, below('refs/tags/', value)),
  subdir: setSubdir,
  checksum: setChecksum,
  commit: setChecksum,
  'keep-git-dir': (source, value, name) => {
    source.keepGitDir = readSwitch(name, value);
  },
  submodules: (source, value, name) => {
    source.submodules = readSwitch(name, value);
  },
  mtime: (source, value) => {
    if (value !== 'commit' && value !== 'checkout')
      throw new InvalidUrl(`mtime is commit or checkout, not "${value}"`);
    source.mtime = value;
  },
  'fetch-by-commit': (source, value, name) => {
    source.fetchByCommit = readSwitch(name, value);
  },
};
/** Keys that need no value. */
const SWITCHES = ['keep-git-dir', 'submodules', 'fetch-by-commit'];

/** Whether a text is an http or https URL. */
export function isHttpUrl(text: string): boolean {
  return /^https?:\/\//.test(text);
}

/**
 * Parses the URL of a git repository: `https://…/repo.git`, `ssh://`, `git://` or `user@host:path`, each with an
 * optional `#ref:subdir` or `?ref=…&subdir=…`. The path of an http URL must end with `.git`.
 *
 * @returns undefined for other texts
 * @throws JettisonError `GIT_URL` for an invalid fragment or query
 */
export function parseGitUrl(text: string): GitSource | undefined {
  const [, written, query, fragment] = /^([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(text) ?? [];
  if (written === undefined || !isRepository(written)) return undefined;
  const source: GitSource = { url: written };
  try {
    if (fragment !== undefined) readFragment(source, fragment);
    if (query !== undefined) readQuery(source, query);
  } catch (error) {
    throw error instanceof InvalidUrl ? invalid(text, error.message, error.hint) : error;
  }
  if (source.ref === undefined && source.checksum !== undefined) source.ref = source.checksum;
  // git would read it as a flag.
  if (source.ref?.startsWith('-')) throw invalid(text, `"${source.ref}" is not a branch, tag or commit`);
  if (source.subdir !== undefined) source.subdir = cleanSubdir(source.subdir);
  if (source.subdir === '') delete source.subdir;
  return source;
}

/** Like `parseGitUrl`, but for a build context, which may also be `github.com/owner/repo`. */
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

/** Why a URL is invalid. */
class InvalidUrl extends Error {
  constructor(
    message: string,
    readonly hint?: string,
  ) {
    super(message);
  }
}

function readFragment(source: GitSource, fragment: string): void {
  const colon = fragment.indexOf(':');
  const ref = colon < 0 ? fragment : fragment.slice(0, colon);
  const subdir = colon < 0 ? '' : fragment.slice(colon + 1);
  if (ref !== '') source.ref = ref;
  if (subdir !== '') source.subdir = subdir;
}

function readQuery(source: GitSource, query: string): void {
  const seen = new Set<string>();
  for (const [name, value] of new URLSearchParams(query)) {
    const set = Object.hasOwn(QUERY, name) ? QUERY[name] : undefined;
    if (set === undefined) {
      throw new InvalidUrl(`it has no "${name}"`, `Its query takes ${Object.keys(QUERY).join(', ')}.`);
    }
    if (seen.has(name)) throw new InvalidUrl(`its query has "${name}" twice`, 'Keep one of them.');
    seen.add(name);
    if (value === '' && !SWITCHES.includes(name))
      throw new InvalidUrl(`"${name}" has no value`, `Write ${name}=VALUE.`);
    set(source, value, name);
  }
  if (seen.has('branch') && seen.has('tag')) {
    throw new InvalidUrl('it names both a branch and a tag', 'Keep one of them.');
  }
  if (source.fetchByCommit && !WHOLE_COMMIT.test(source.checksum ?? '')) {
    throw new InvalidUrl(
      'fetch-by-commit needs all digits of a commit',
      'Add checksum=COMMIT with its 40 or 64 digits, in lower case.',
    );
  }
}

function setRef(source: GitSource, ref: string): void {
  if (source.ref !== undefined && source.ref !== ref) {
    throw new InvalidUrl(`it names both "${source.ref}" and "${ref}"`, 'Keep one of them.');
  }
  source.ref = ref;
}

function setSubdir(source: GitSource, subdir: string): void {
  if (source.subdir !== undefined && source.subdir !== subdir) {
    throw new InvalidUrl(
      `it names both the directory "${source.subdir}" and "${subdir}"`,
      'Keep one of them.',
    );
  }
  source.subdir = subdir;
}

function setChecksum(source: GitSource, checksum: string, name: string): void {
  if (!COMMIT.test(checksum)) throw new InvalidUrl(`${name} is digits of a commit, not "${checksum}"`);
  if (source.checksum !== undefined && source.checksum !== checksum) {
    throw new InvalidUrl('its commit and its checksum differ', 'They mean the same: keep one of them.');
  }
  source.checksum = checksum;
}

function below(prefix: string, name: string): string {
  return name.startsWith(prefix) ? name : prefix + name;
}

function readSwitch(name: string, value: string): boolean {
  if (value === '' || /^(?:1|t|T|true|TRUE|True)$/.test(value)) return true;
  if (/^(?:0|f|F|false|FALSE|False)$/.test(value)) return false;
  throw new InvalidUrl(`${name} is true or false, not "${value}"`);
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
  return new JettisonError('GIT_URL', `invalid git URL "${text}": ${reason}`, { hint });
}
