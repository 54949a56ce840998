import { spawn } from 'node:child_process';
import { chmodSync, lstatSync, lutimesSync, mkdirSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { join, sep } from 'node:path';
import { type GitSource, isHttpUrl } from '../dockerfile/git-url.ts';
import { JettisonError } from '../errors/error.ts';
import { withoutCredentials } from '../errors/safe-text.ts';
import { diskPath, nameOfBytes } from '../layer/names.ts';
import { loginIn } from '../registry/url-login.ts';
import { basicLogin, gitAuthorization, type Secrets } from './secret-logins.ts';

export interface GitOptions {
  env: NodeJS.ProcessEnv;
  signal?: AbortSignal;
  /** The build's secrets; some hold credentials for repositories. */
  secrets?: Secrets;
}

/** The current commit of a reference. */
export interface GitCommit {
  /** The full hash. */
  commit: string;
  /** The ref or commit to fetch. */
  fetch: string;
}

const COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
const SHORT_COMMIT = /^[0-9a-f]{7,63}$/;
const ALL_REFS = ['+refs/heads/*:refs/remotes/origin/*', '+refs/tags/*:refs/tags/*'];

/**
 * Looks up the commit of a branch or tag in a repository. A full commit hash needs no request.
 *
 * @returns undefined for a possible abbreviated commit, which only a full fetch can resolve
 * @throws JettisonError `GIT_MISSING`, `GIT_FAILED`, `GIT_REF_UNKNOWN`, `GIT_CHECKSUM`
 */
export async function findCommit(source: GitSource, options: GitOptions): Promise<GitCommit | undefined> {
  const { ref = 'HEAD' } = source;
  const { url } = splitLogin(source.url);
  if (source.fetchByCommit) return { commit: source.checksum!, fetch: source.checksum! };
  if (COMMIT.test(ref)) return checked(source, { commit: ref, fetch: ref });
  const listed = await git(['ls-remote', '--', url, ref, `${ref}^{}`], source, options);
  const refs = new Map(
    listed
      .split('\n')
      .filter((line) => line.includes('\t'))
      .map((line) => [line.slice(line.indexOf('\t') + 1), line.slice(0, line.indexOf('\t'))]),
  );
  for (const name of [ref, `refs/heads/${ref}`, `refs/${ref}`, `refs/tags/${ref}`]) {
    const commit = refs.get(`${name}^{}`) ?? refs.get(name);
    if (commit !== undefined) return checked(source, { commit, fetch: name });
  }
  if (SHORT_COMMIT.test(ref)) return undefined;
  throw new JettisonError('GIT_REF_UNKNOWN', `${withoutCredentials(url)} has no branch or tag "${ref}"`, {
    hint: 'Write a branch, a tag or a commit after #; without one, the default branch is used.',
  });
}

/**
 * Puts the files of a commit into a new folder: no history, modes 0644 and 0755, all times those of the
 * commit, or of now if the source says so.
 *
 * @param folder absolute; must not exist
 * @returns the commit, and the directory with the files: the folder, or its subdirectory
 * @throws JettisonError `GIT_MISSING`, `GIT_FAILED`, `GIT_REF_UNKNOWN`, `GIT_CHECKSUM`, `GIT_SUBDIR`
 */
export async function checkOut(
  source: GitSource,
  found: GitCommit | undefined,
  folder: string,
  options: GitOptions,
): Promise<{ commit: string; directory: string }> {
  const run = (...args: string[]) => git(['-C', folder, ...args], source, options);
  mkdirSync(folder, { recursive: true });
  await run('init', '-q');
  await run('remote', 'add', 'origin', '--', splitLogin(source.url).url);
  const commit = await fetchCommit(source, found, run);
  checked(source, { commit, fetch: commit });
  await run('-c', 'advice.detachedHead=false', 'checkout', '-q', '--detach', commit);
  const files = readdirSync(folder);
  if (source.submodules !== false && files.includes('.gitmodules')) {
    await run('submodule', '--quiet', 'update', '--init', '--recursive', '--depth=1');
  }
  const seconds =
    source.mtime === 'checkout'
      ? Math.floor(Date.now() / 1000)
      : Number((await run('log', '-1', '--format=%ct')).trim());
  if (!source.keepGitDir) removeHistory(folder);
  settle(folder, seconds);
  return { commit, directory: subdirectory(source, folder) };
}

async function fetchCommit(
  source: GitSource,
  found: GitCommit | undefined,
  run: (...args: string[]) => Promise<string>,
): Promise<string> {
  if (found !== undefined) {
    try {
      await run('fetch', '-q', '--depth=1', '--no-tags', '--', 'origin', found.fetch);
      if ((await run('rev-parse', 'FETCH_HEAD^{commit}')).trim() === found.commit) return found.commit;
    } catch (error) {
      // Some servers do not support shallow fetches, or fetching a commit by its hash.
      if (!(error instanceof JettisonError) || error.code !== 'GIT_FAILED') throw error;
    }
  }
  await run('fetch', '-q', '--', 'origin', ...ALL_REFS);
  const wanted = found?.commit ?? source.ref!;
  try {
    return (await run('rev-parse', '--verify', '-q', `${wanted}^{commit}`)).trim();
  } catch (error) {
    if (!(error instanceof JettisonError) || error.code !== 'GIT_FAILED') throw error;
    throw new JettisonError('GIT_REF_UNKNOWN', `${withoutCredentials(source.url)} has no commit ${wanted}`, {
      hint: 'Write a branch, a tag or a commit after #.',
    });
  }
}

function checked(source: GitSource, found: GitCommit): GitCommit {
  const { checksum, url, ref } = source;
  if (checksum === undefined || found.commit.startsWith(checksum)) return found;
  const what = `${withoutCredentials(url)}${ref === undefined ? '' : `#${ref}`}`;
  throw new JettisonError('GIT_CHECKSUM', `${what} is at ${found.commit}, not at ${checksum}`, {
    hint: 'Check what changed in the repository; if that is intended, update the checksum.',
  });
}

function removeHistory(directory: string): void {
  for (const entry of readdirSync(diskPath(directory), { withFileTypes: true, encoding: 'buffer' })) {
    const name = nameOfBytes(entry.name);
    const path = join(directory, name);
    if (name === '.git') rmSync(diskPath(path), { recursive: true, force: true });
    else if (entry.isDirectory()) removeHistory(path);
  }
}

/** Sets canonical modes (0644, 0755) and one time. */
function settle(path: string, seconds: number): void {
  const disk = diskPath(path);
  const stat = lstatSync(disk);
  if (stat.isDirectory()) {
    chmodSync(disk, 0o755);
    for (const name of readdirSync(disk, 'buffer')) settle(join(path, nameOfBytes(name)), seconds);
  } else if (stat.isFile()) {
    chmodSync(disk, (stat.mode & 0o100) === 0 ? 0o644 : 0o755);
  }
  lutimesSync(disk, seconds, seconds);
}

function subdirectory({ subdir, url }: GitSource, folder: string): string {
  if (subdir === undefined) return folder;
  const root = realpathSync(folder);
  try {
    const directory = realpathSync(join(root, subdir));
    if (directory.startsWith(root + sep) && lstatSync(directory).isDirectory()) return directory;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
  }
  throw new JettisonError('GIT_SUBDIR', `${withoutCredentials(url)} has no directory "${subdir}"`, {
    hint: 'The part after the colon must be a directory of the repository.',
  });
}

/** Runs git without password prompts, and returns its standard output. */
async function git(args: string[], source: GitSource, { env, signal, secrets }: GitOptions): Promise<string> {
  const access = accessTo(source.url, secrets);
  return new Promise((resolve, reject) => {
    const settings = ['-c', 'core.hooksPath=/dev/null', '-c', 'protocol.ext.allow=never'];
    const child = spawn('git', [...settings, ...args], {
      env: {
        GIT_SSH_COMMAND: 'ssh -oBatchMode=yes',
        ...env,
        ...(access === undefined ? {} : withAccess(env, access)),
        GIT_TERMINAL_PROMPT: '0',
        LC_ALL: 'C',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(signal === undefined ? {} : { signal }),
    });
    let out = '';
    let problem = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      problem = (problem + text).slice(-4000);
    });
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (signal?.aborted) reject(signal.reason);
      else reject(error.code === 'ENOENT' ? missing() : error);
    });
    child.on('close', (code) => {
      if (code === 0) resolve(out);
      else reject(failed(source, problem, access));
    });
  });
}

function missing(): JettisonError {
  return new JettisonError('GIT_MISSING', 'cannot fetch a repository: the program git is not installed', {
    hint: 'Install git, or use an archive of the repository instead.',
  });
}

function failed({ url }: GitSource, problem: string, access: Access | undefined): JettisonError {
  const lines = problem.trim().split('\n');
  const said = lines.find((line) => /^(fatal|error|remote):/.test(line)) ?? lines.at(-1) ?? '';
  let reason = withoutCredentials(said.replace(/^fatal: /, ''));
  // A server's message may contain the credentials that it was sent.
  for (const secret of access?.secrets ?? []) reason = reason.replaceAll(secret, '***');
  return new JettisonError(
    'GIT_FAILED',
    `${withoutCredentials(url)} cannot be fetched: ${reason || 'git failed'}`,
    { hint: hintFor(url, problem, access) },
  );
}

function hintFor(url: string, problem: string, access: Access | undefined): string {
  if (
    access === undefined &&
    isHttpUrl(url) &&
    /could not read Username|Authentication failed/.test(problem)
  ) {
    const { host } = new URL(splitLogin(url).url);
    return `If the repository is private, pass a token: --secret id=GIT_AUTH_TOKEN.${host},env=VARIABLE.`;
  }
  return 'Check the URL, and that `git ls-remote URL` works here without a password prompt.';
}

/** The credentials in an http URL, for its host only. */
interface Login {
  /** Scheme and host, e.g. `https://github.com`. */
  origin: string;
  username: string;
  password: string;
}

/**
 * Separates the credentials from a URL. With them it would be in git's arguments, which every user of the machine can
 * read, and in `.git/config`, which ends up in the image if `.git` is kept.
 */
function splitLogin(text: string): { url: string; login?: Login } {
  if (!isHttpUrl(text) || !URL.canParse(text)) return { url: text };
  const url = new URL(text);
  const found = loginIn(url);
  if (found === undefined) return { url: text };
  const login = { origin: url.origin, ...found };
  // Each line of a helper's answer is a setting: a line break would inject one.
  if (/[\0\r\n]/.test(login.username + login.password)) {
    throw new JettisonError('GIT_URL', `${withoutCredentials(text)} has a line break in its credentials`, {
      hint: 'Write other special characters as %XX.',
    });
  }
  url.username = '';
  url.password = '';
  return { url: url.href, login };
}

/** How git gets the credentials for one host. */
interface Access {
  settings: [key: string, value: string][];
  variables: Record<string, string>;
  /** Values to mask in messages. */
  secrets: string[];
}

/**
 * The credentials for a URL: of a secret, or else those in the URL. Never both, as in BuildKit.
 *
 * @throws JettisonError `GIT_URL`, `SECRET_INVALID`
 */
function accessTo(text: string, secrets: Secrets = new Map()): Access | undefined {
  const { url, login } = splitLogin(text);
  if (!isHttpUrl(url) || !URL.canParse(url)) return undefined;
  const parsed = new URL(url);
  const header = gitAuthorization(parsed, secrets);
  if (header === undefined) return login && byHelper(login);
  const given = basicLogin(header);
  return given === undefined
    ? byHeader(parsed.origin, header)
    : byHelper({ origin: parsed.origin, ...given }, header);
}

/** A credential helper that reads its answer from variables, which only git's environment has. */
const HELPER =
  '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" "$JETTISON_GIT_USERNAME" "$JETTISON_GIT_PASSWORD"; }; f';

/** Credentials through a helper: git asks it again after a redirect, and it answers for its own host only. */
function byHelper({ origin, username, password }: Login, header = ''): Access {
  return {
    // The empty value removes the user's helpers: they must not answer, nor store these credentials.
    settings: ['', HELPER].map((value) => [`credential.${origin}.helper`, value]),
    variables: { JETTISON_GIT_USERNAME: username, JETTISON_GIT_PASSWORD: password },
    secrets: secretsIn(header, password),
  };
}

/** Another kind of header, e.g. a bearer token. Git would send it to a redirect's target, too. */
function byHeader(origin: string, header: string): Access {
  return {
    settings: [
      [`http.${origin}/.extraHeader`, `Authorization: ${header}`],
      [`http.${origin}/.followRedirects`, 'false'],
    ],
    variables: {},
    secrets: secretsIn(header),
  };
}

/** The longest first; words like `Bearer` are not secret. */
function secretsIn(header: string, password = ''): string[] {
  return [header, ...header.split(/\s+/).slice(1), password].filter((one) => one.length >= 4);
}

/** The environment with git's settings for an access: unlike arguments, other users cannot read it. */
function withAccess(env: NodeJS.ProcessEnv, { settings, variables }: Access): NodeJS.ProcessEnv {
  const count = Number(env['GIT_CONFIG_COUNT']) || 0;
  const all: NodeJS.ProcessEnv = { ...variables, GIT_CONFIG_COUNT: String(count + settings.length) };
  for (const [i, [key, value]] of settings.entries()) {
    all[`GIT_CONFIG_KEY_${count + i}`] = key;
    all[`GIT_CONFIG_VALUE_${count + i}`] = value;
  }
  return all;
}
