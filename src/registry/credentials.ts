import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { JettisonError } from '../errors/error.ts';
import { isObject } from '../fields/json-values.ts';
import { getFromHelper, HelperError } from './credential-helper.ts';

/** Credentials for a registry. */
export type Credentials = {
  /** Where they come from, for error messages: a file or a helper. */
  origin: string;
} & (
  | { kind: 'password'; username: string; password: string }
  /** An OAuth2 refresh token, which is exchanged for access tokens. */
  | { kind: 'identity'; token: string }
  /** A bearer token that is sent as it is. */
  | { kind: 'bearer'; token: string }
);

/** Looks up credentials. Tests pass their own. */
export interface CredentialSource {
  /** @returns undefined without credentials: requests are anonymous */
  lookup(registry: string, repository: string): Promise<Credentials | undefined>;
  /** Why stored credentials could not be read, for the error if the registry refuses an anonymous request. */
  readonly problems: readonly string[];
}

/** One registry's member of `auths`. */
export interface AuthEntry {
  auth?: string;
  username?: string;
  password?: string;
  identitytoken?: string;
  registrytoken?: string;
}

/** The members of Docker's `config.json` and Podman's `auth.json` that are about credentials. */
export interface AuthFile {
  auths?: Record<string, AuthEntry>;
  credHelpers?: Record<string, string>;
  credsStore?: string;
}

/** The name under which Docker keeps the credentials of Docker Hub. */
const HUB_KEY = 'https://index.docker.io/v1/';

/** Docker's `config.json`: in `$DOCKER_CONFIG`, else in `~/.docker`. */
export function dockerConfigPath(env: NodeJS.ProcessEnv): string {
  return join(env['DOCKER_CONFIG'] || join(env['HOME'] || homedir(), '.docker'), 'config.json');
}

/**
 * The credentials of Docker and Podman: `$DOCKER_AUTH_CONFIG` (JSON), `$REGISTRY_AUTH_FILE`, Docker's `config.json`, then
 * Podman's `auth.json` of the session and of the user. The first one with an entry for the registry counts; within a
 * file, a helper takes precedence over `auths`.
 */
export class StoredCredentials implements CredentialSource {
  readonly #env: NodeJS.ProcessEnv;
  readonly problems: string[] = [];

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env;
  }

  /** @throws JettisonError `CREDENTIALS_INVALID` for an invalid file */
  async lookup(registry: string, repository: string): Promise<Credentials | undefined> {
    for (const { origin, file } of this.#files()) {
      const found = (await this.#fromHelper(file, registry)) ?? fromAuths(file, origin, registry, repository);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  *#files(): Iterable<{ origin: string; file: AuthFile }> {
    const env = this.#env;
    const inline = env['DOCKER_AUTH_CONFIG'];
    if (inline) yield { origin: 'DOCKER_AUTH_CONFIG', file: parse(inline, 'DOCKER_AUTH_CONFIG') };
    const paths = [dockerConfigPath(env)];
    if (env['REGISTRY_AUTH_FILE']) paths.unshift(env['REGISTRY_AUTH_FILE']);
    if (env['XDG_RUNTIME_DIR']) paths.push(join(env['XDG_RUNTIME_DIR'], 'containers', 'auth.json'));
    const home = env['HOME'] || homedir();
    paths.push(join(env['XDG_CONFIG_HOME'] || join(home, '.config'), 'containers', 'auth.json'));
    for (const path of paths) {
      const file = readAuthFile(path);
      if (file !== undefined) yield { origin: path, file };
    }
  }

  async #fromHelper(file: AuthFile, registry: string): Promise<Credentials | undefined> {
    const helper = helperFor(file, registry);
    if (helper === undefined) return undefined;
    try {
      const secret = await getFromHelper(helper, serverKey(registry), this.#env);
      if (secret === undefined) return undefined;
      const origin = `docker-credential-${helper}`;
      return secret.username === '<token>'
        ? { kind: 'identity', token: secret.secret, origin }
        : { kind: 'password', username: secret.username, password: secret.secret, origin };
    } catch (error) {
      // A missing or failing helper must not prevent reading public images.
      if (!(error instanceof HelperError)) throw error;
      if (!this.problems.includes(error.message)) this.problems.push(error.message);
      return undefined;
    }
  }
}

/** The helper for a registry: of `credHelpers`, else `credsStore`. */
export function helperFor(file: AuthFile, registry: string): string | undefined {
  const own = Object.entries(file.credHelpers ?? {}).find(([key]) => normaliseKey(key) === registry);
  return own?.[1] ?? (file.credsStore || undefined);
}

/** A registry's name in `auths` and for helpers: its host, or Docker Hub's old URL. */
export function serverKey(registry: string): string {
  return registry === 'docker.io' ? HUB_KEY : registry;
}

/** The registry of a key in `auths` or `credHelpers`: keys may be host names, or URLs of old API versions. */
export function normaliseKey(key: string): string {
  const bare = key.replace(/^https?:\/\//, '');
  const host = bare.replace(/\/.*$/, '').toLowerCase();
  return host === 'index.docker.io' || host === 'registry-1.docker.io' ? 'docker.io' : host;
}

/**
 * Reads a credentials file.
 *
 * @returns undefined when it does not exist
 * @throws JettisonError `CREDENTIALS_INVALID`
 */
export function readAuthFile(path: string): AuthFile | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return undefined;
    throw new JettisonError('CREDENTIALS_INVALID', `cannot read ${path}`, { cause });
  }
  return text.trim() === '' ? {} : parse(text, path);
}

function parse(text: string, origin: string): AuthFile {
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch {
    // Reported below. The parser's message could show a secret.
  }
  const { auths, credHelpers } = (file ?? {}) as AuthFile;
  if (
    !isObject(file) ||
    (auths != null && !isObject(auths)) ||
    (credHelpers != null && !isObject(credHelpers))
  ) {
    throw new JettisonError(
      'CREDENTIALS_INVALID',
      `${origin} is not a credentials file in Docker's JSON format`,
      {
        hint: 'Correct the file, or move it away and log in again.',
      },
    );
  }
  return file as AuthFile;
}

function fromAuths(
  file: AuthFile,
  origin: string,
  registry: string,
  repository: string,
): Credentials | undefined {
  const auths = Object.entries(file.auths ?? {});
  // Podman's keys may include a namespace or repository: the longest match counts.
  const parts = repository === '' ? [] : repository.split('/');
  for (let length = parts.length; length > 0; length--) {
    const key = [registry, ...parts.slice(0, length)].join('/');
    const entry = auths.find(([name]) => name === key)?.[1];
    const found = entry && fromEntry(entry, origin);
    if (found) return found;
  }
  for (const [key, entry] of auths) {
    const host = normaliseKey(key);
    const whole = /^https?:\/\//.test(key) || !key.includes('/');
    const found = host === registry && whole ? fromEntry(entry, origin) : undefined;
    if (found) return found;
  }
  return undefined;
}

function fromEntry(entry: AuthEntry, origin: string): Credentials | undefined {
  if (entry.identitytoken) return { kind: 'identity', token: entry.identitytoken, origin };
  if (entry.registrytoken) return { kind: 'bearer', token: entry.registrytoken, origin };
  let { username, password } = entry;
  if (entry.auth) {
    // Docker pads some of these with NUL characters.
    const text = Buffer.from(entry.auth, 'base64').toString('utf8').replace(/\0+$/, '');
    const colon = text.indexOf(':');
    if (colon > 0) [username, password] = [text.slice(0, colon), text.slice(colon + 1)];
  }
  return username && password !== undefined ? { kind: 'password', username, password, origin } : undefined;
}
