import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { JettisonError } from '../errors/error.ts';
import { eraseFromHelper, getFromHelper, HelperError, storeInHelper } from './credential-helper.ts';
import {
  type AuthFile,
  type Credentials,
  dockerConfigPath,
  helperFor,
  normaliseKey,
  readAuthFile,
  serverKey,
} from './credentials.ts';
import { discard } from './http.ts';
import { type Registries, type RegistryOptions, useRegistries } from './registries.ts';

/** The registry of a server's name or URL: `https://index.docker.io/v1/` is `docker.io`. */
export function registryOf(server: string): string {
  return normaliseKey(server);
}

/**
 * Verifies a user and password with a registry. A registry without authentication accepts any.
 *
 * @throws JettisonError `REGISTRY_UNAUTHORIZED`, `REGISTRY_…`
 */
export async function verifyLogin(
  registry: string,
  user: { username: string; password: string },
  options: Omit<RegistryOptions, 'credentials'> = {},
): Promise<void> {
  const credentials: Credentials = { kind: 'password', ...user, origin: 'this login' };
  const request = async (registries: Registries) => {
    const connection = await registries.connection(registry);
    await connection.send(
      {
        method: 'GET',
        target: '/v2/',
        subject: { registry, repository: '', action: `log in to ${registry}` },
        scopes: [],
        expect: [200],
      },
      discard,
    );
  };
  try {
    await useRegistries(
      { ...options, credentials: { lookup: async () => credentials, problems: [] } },
      request,
    );
  } catch (error) {
    if (!(error instanceof JettisonError) || !/^REGISTRY_(UNAUTHORIZED|DENIED)$/.test(error.code))
      throw error;
    throw new JettisonError('REGISTRY_UNAUTHORIZED', `${registry} does not accept this user and password`, {
      hint: 'Many registries require an access token instead of the password.',
      cause: error,
    });
  }
}

/**
 * Stores a login where `docker login` does: in the helper that Docker's `config.json` names, else in that file
 * (`$REGISTRY_AUTH_FILE` if set), readable only by the user.
 *
 * @returns the place for messages, and whether it is encrypted
 * @throws JettisonError `CREDENTIALS_UNWRITABLE`, `CREDENTIALS_INVALID`
 */
export async function saveLogin(
  registry: string,
  { username, password }: { username: string; password: string },
  env: NodeJS.ProcessEnv,
): Promise<{ place: string; encrypted: boolean }> {
  const path = loginPath(env);
  const file = readAuthFile(path) ?? {};
  const helper = helperFor(file, registry);
  if (helper !== undefined) {
    try {
      await storeInHelper(helper, serverKey(registry), { username, secret: password }, env);
    } catch (error) {
      throw helperFailed(error, path);
    }
    return { place: `docker-credential-${helper}`, encrypted: true };
  }
  const auths = { ...file.auths };
  for (const key of keysOf(file, registry)) delete auths[key];
  auths[serverKey(registry)] = { auth: Buffer.from(`${username}:${password}`).toString('base64') };
  writeConfig(path, { ...file, auths });
  return { place: path, encrypted: false };
}

/**
 * Deletes a login that `saveLogin` or `docker login` stored.
 *
 * @returns whether there was one
 * @throws JettisonError `CREDENTIALS_UNWRITABLE`, `CREDENTIALS_INVALID`
 */
export async function forgetLogin(registry: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  const path = loginPath(env);
  const file = readAuthFile(path);
  if (file === undefined) return false;
  let found = false;
  const helper = helperFor(file, registry);
  if (helper !== undefined) {
    try {
      found = (await getFromHelper(helper, serverKey(registry), env)) !== undefined;
      if (found) await eraseFromHelper(helper, serverKey(registry), env);
    } catch (error) {
      throw helperFailed(error, path);
    }
  }
  const keys = keysOf(file, registry);
  if (keys.length > 0) {
    const auths = { ...file.auths };
    for (const key of keys) delete auths[key];
    writeConfig(path, { ...file, auths });
    found = true;
  }
  return found;
}

function loginPath(env: NodeJS.ProcessEnv): string {
  return env['REGISTRY_AUTH_FILE'] || dockerConfigPath(env);
}

/** The keys of `auths` for the whole registry. */
function keysOf({ auths = {} }: AuthFile, registry: string): string[] {
  return Object.keys(auths).filter(
    (key) => normaliseKey(key) === registry && (/^https?:\/\//.test(key) || !key.includes('/')),
  );
}

/** Rewrites the file in Docker's format, keeping other settings and following symlinks. */
function writeConfig(path: string, file: AuthFile): void {
  const text = `${JSON.stringify(file, null, '\t')}\n`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const target = existsSync(path) ? realpathSync(path) : path;
    const temporary = `${target}.${randomUUID()}.tmp`;
    try {
      writeFileSync(temporary, text, { mode: 0o600, flag: 'wx' });
      renameSync(temporary, target);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  } catch (cause) {
    throw new JettisonError('CREDENTIALS_UNWRITABLE', `cannot write ${path}: ${(cause as Error).message}`, {
      hint: 'Check its permissions, or set DOCKER_CONFIG to another folder.',
      cause,
    });
  }
}

function helperFailed(error: unknown, path: string): unknown {
  if (!(error instanceof HelperError)) return error;
  return new JettisonError('CREDENTIAL_HELPER_FAILED', error.message, {
    hint: `Install or repair the helper, or remove its name from ${path} (credsStore, credHelpers).`,
    cause: error,
  });
}
