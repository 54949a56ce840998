import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { normaliseKey, StoredCredentials } from '../../../src/registry/credentials.ts';
import { tempDir } from '../../support/temp-dir.ts';

const basic = (user: string, password: string) => Buffer.from(`${user}:${password}`).toString('base64');

describe('stored credentials', () => {
  let home: string;
  let env: NodeJS.ProcessEnv;

  beforeEach(() => {
    home = tempDir();
    env = { HOME: home, PATH: `${home}/bin:/usr/bin:/bin` };
  });

  const write = (path: string, content: unknown, mode = 0o600) => {
    mkdirSync(dirname(join(home, path)), { recursive: true });
    writeFileSync(join(home, path), typeof content === 'string' ? content : JSON.stringify(content));
    chmodSync(join(home, path), mode);
  };
  const lookup = (registry: string, repository = 'team/app') =>
    new StoredCredentials(env).lookup(registry, repository);

  it('are nothing where there are no files', async () => {
    expect(await lookup('ghcr.io')).toBeUndefined();
  });

  it("come from docker's config.json, colons in passwords kept", async () => {
    write('.docker/config.json', { auths: { 'ghcr.io': { auth: basic('me', 'a:b') } } });
    expect(await lookup('ghcr.io')).toEqual({
      kind: 'password',
      username: 'me',
      password: 'a:b',
      origin: join(home, '.docker/config.json'),
    });
    expect(await lookup('ghcr.io:443')).toBeUndefined();
    expect(await lookup('example.com')).toBeUndefined();
  });

  it('are found for Docker Hub under its old URL', async () => {
    write('.docker/config.json', { auths: { 'https://index.docker.io/v1/': { auth: basic('me', 'x') } } });
    expect(await lookup('docker.io')).toMatchObject({ username: 'me' });
  });

  it('follow $DOCKER_CONFIG', async () => {
    env['DOCKER_CONFIG'] = join(home, 'elsewhere');
    write('elsewhere/config.json', { auths: { 'https://ghcr.io/v2/': { username: 'u', password: 'p' } } });
    expect(await lookup('ghcr.io')).toMatchObject({ username: 'u', password: 'p' });
  });

  it('may be tokens', async () => {
    write('.docker/config.json', {
      auths: {
        'a.io': { auth: basic('me', ''), identitytoken: 'refresh' },
        'b.io': { registrytoken: 'bearer' },
      },
    });
    expect(await lookup('a.io')).toMatchObject({ kind: 'identity', token: 'refresh' });
    expect(await lookup('b.io')).toMatchObject({ kind: 'bearer', token: 'bearer' });
  });

  it("come from podman's files, the most specific key first", async () => {
    write('.config/containers/auth.json', {
      auths: {
        'quay.io': { auth: basic('all', 'x') },
        'quay.io/team': { auth: basic('team', 'x') },
        'quay.io/team/app': { auth: basic('app', 'x') },
      },
    });
    expect(await lookup('quay.io', 'team/app')).toMatchObject({ username: 'app' });
    expect(await lookup('quay.io', 'team/other')).toMatchObject({ username: 'team' });
    expect(await lookup('quay.io', 'teams')).toMatchObject({ username: 'all' });
  });

  it('are not taken from another part of a registry', async () => {
    write('.config/containers/auth.json', { auths: { 'quay.io/team': { auth: basic('team', 'x') } } });
    expect(await lookup('quay.io', 'else/app')).toBeUndefined();
  });

  it('have an order: environment, $REGISTRY_AUTH_FILE, docker, session, user', async () => {
    const entry = (user: string) => ({ auths: { 'ghcr.io': { auth: basic(user, 'x') } } });
    env['XDG_RUNTIME_DIR'] = join(home, 'run');
    write('.config/containers/auth.json', entry('user'));
    expect(await lookup('ghcr.io')).toMatchObject({ username: 'user' });
    write('run/containers/auth.json', entry('session'));
    expect(await lookup('ghcr.io')).toMatchObject({ username: 'session' });
    write('.docker/config.json', entry('docker'));
    expect(await lookup('ghcr.io')).toMatchObject({ username: 'docker' });
    write('file.json', entry('file'));
    env['REGISTRY_AUTH_FILE'] = join(home, 'file.json');
    expect(await lookup('ghcr.io')).toMatchObject({ username: 'file' });
    env['DOCKER_AUTH_CONFIG'] = JSON.stringify(entry('inline'));
    expect(await lookup('ghcr.io')).toMatchObject({ username: 'inline' });
  });

  it('come from helpers: one for all, or one for a registry', async () => {
    const helper = (user: string) =>
      `#!/bin/sh\nread server\ntest "$1 $server" = "get ghcr.io" || { echo 'credentials not found in native keychain'; exit 1; }\necho '{"ServerURL":"x","Username":"${user}","Secret":"s"}'\n`;
    write('bin/docker-credential-all', helper('all'), 0o755);
    write('bin/docker-credential-own', helper('<token>'), 0o755);
    write('.docker/config.json', { credsStore: 'all' });
    expect(await lookup('ghcr.io')).toEqual({
      kind: 'password',
      username: 'all',
      password: 's',
      origin: 'docker-credential-all',
    });
    expect(await lookup('example.com')).toBeUndefined();
    write('.docker/config.json', { credsStore: 'all', credHelpers: { 'ghcr.io': 'own' } });
    expect(await lookup('ghcr.io')).toMatchObject({ kind: 'identity', token: 's' });
  });

  it('do without a helper that is missing, and say so', async () => {
    write('.docker/config.json', { credsStore: 'desktop' });
    const credentials = new StoredCredentials(env);
    expect(await credentials.lookup('ghcr.io', 'a')).toBeUndefined();
    expect(credentials.problems).toEqual(['docker-credential-desktop is not on the PATH']);
  });

  it('in a damaged file are an error that shows no secret', async () => {
    write('.docker/config.json', '{"auths": {"x": {"auth": "c2VjcmV0"}');
    await expect(lookup('ghcr.io')).rejects.toMatchObject({ code: 'CREDENTIALS_INVALID' });
    await expect(lookup('ghcr.io')).rejects.not.toThrow(/c2Vj/);
    write('.docker/config.json', '[]');
    await expect(lookup('ghcr.io')).rejects.toMatchObject({ code: 'CREDENTIALS_INVALID' });
    write('.docker/config.json', '');
    expect(await lookup('ghcr.io')).toBeUndefined();
  });

  it.each([
    ['https://index.docker.io/v1/', 'docker.io'],
    ['registry-1.docker.io', 'docker.io'],
    ['http://GHCR.io', 'ghcr.io'],
    ['localhost:5000/v2/', 'localhost:5000'],
  ])('have keys of several generations: %s', (key, registry) => {
    expect(normaliseKey(key)).toBe(registry);
  });
});
