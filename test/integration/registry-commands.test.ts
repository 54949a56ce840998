import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Io } from '../../src/cli/command.ts';
import { dispatch } from '../../src/cli/dispatch.ts';
import { sha256 } from '../../src/image/digest.ts';
import { MEDIA } from '../../src/image/types.ts';
import { FakeRegistry, type FakeRegistryOptions } from '../support/registry.ts';
import { tempDir } from '../support/temp-dir.ts';

describe('the commands for registries', () => {
  let home: string;
  let env: NodeJS.ProcessEnv;
  const servers: FakeRegistry[] = [];

  beforeEach(() => {
    home = tempDir();
    env = { HOME: home, JETTISON_HOME: join(home, 'store'), PATH: `${home}/bin:/usr/bin:/bin` };
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
  });

  const start = async (options: FakeRegistryOptions = {}) => {
    const server = await FakeRegistry.start(options);
    servers.push(server);
    return server;
  };
  const jettison = async (args: string[], input = '') => {
    const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
    stdin.end(input);
    const io = {
      stdin,
      stdout,
      stderr,
      env,
      cwd: home,
      signal: new AbortController().signal,
    } as unknown as Io;
    const code = await dispatch(args, io);
    return { code, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') };
  };
  const addImage = (server: FakeRegistry, tag: string | undefined, architecture = 'amd64') => {
    const layer = Buffer.from(`layer ${architecture}`);
    const config = { os: 'linux', architecture, rootfs: { type: 'layers', diff_ids: [sha256(layer)] } };
    const descriptor = server.addManifest('team/app', tag, {
      schemaVersion: 2,
      mediaType: MEDIA.ociManifest,
      config: {
        mediaType: MEDIA.ociConfig,
        ...server.addBlob('team/app', Buffer.from(JSON.stringify(config))),
      },
      layers: [{ mediaType: MEDIA.ociLayer, ...server.addBlob('team/app', layer) }],
    } as never);
    return { ...descriptor, platform: { os: 'linux', architecture } };
  };
  const addIndex = (server: FakeRegistry, tag: string) =>
    server.addManifest('team/app', tag, {
      schemaVersion: 2,
      mediaType: MEDIA.ociIndex,
      manifests: [addImage(server, undefined, 'amd64'), addImage(server, undefined, 'arm64')],
    } as never);

  it('pull an image whole, and say when there is nothing new', async () => {
    const server = await start();
    const { digest } = addImage(server, '1');
    const name = `${server.host}/team/app:1`;
    const first = await jettison(['pull', '--platform', 'linux/amd64', name]);
    expect(first).toMatchObject({ code: 0 });
    expect(first.stdout).toBe(`Digest: ${digest}\nStatus: Downloaded newer image for ${name}\n${name}\n`);
    expect(first.stderr).toMatch(/^[0-9a-f]{12}: downloaded \(11B\)\n$/);
    const again = await jettison(['pull', name, '--platform', 'linux/amd64']);
    expect(again.stdout).toContain('Image is up to date');
    expect(again.stderr).toMatch(/already here/);
    expect(await jettison(['pull', '-q', '--platform', 'linux/amd64', name])).toEqual({
      code: 0,
      stdout: `${name}\n`,
      stderr: '',
    });
  });

  it('pull refuses another platform than the one that was asked for', async () => {
    const server = await start();
    addImage(server, '1', 's390x');
    const { code, stderr } = await jettison([
      'pull',
      '--platform',
      'linux/arm64',
      `${server.host}/team/app:1`,
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain('is for linux/s390x, not for linux/arm64');
  });

  it('push pulled images under another name', async () => {
    const [from, to] = [await start(), await start()];
    const { digest } = addImage(from, '1');
    await jettison(['pull', '-q', `${from.host}/team/app:1`]);
    await jettison(['tag', `${from.host}/team/app:1`, `${to.host}/copy:2`]);
    await jettison(['tag', `${from.host}/team/app:1`, `${to.host}/copy:3`]);
    const { code, stdout } = await jettison(['push', `${to.host}/copy:2`]);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^2: digest: ${digest} size: \\d+ \\(\\d+B sent\\)\n$`));
    expect(to.repository('copy').tags.get('2')).toBe(digest);
    expect((await jettison(['push', '-q', '--all-tags', `${to.host}/copy`])).stdout).toBe(
      `${digest}\n`.repeat(2),
    );
    expect([...to.repository('copy').tags.keys()]).toEqual(['2', '3']);
  });

  it('push the image that is here of an index that is not here completely', async () => {
    const [from, to] = [await start(), await start()];
    addIndex(from, '1');
    await jettison(['pull', '-q', '--platform', 'linux/arm64', `${from.host}/team/app:1`]);
    await jettison(['tag', `${from.host}/team/app:1`, `${to.host}/copy`]);
    const { code, stderr } = await jettison(['push', `${to.host}/copy`]);
    expect(code).toBe(0);
    expect(stderr).toContain('pushing the one for linux/arm64');
    expect(to.repository('copy').tags.get('latest')).toMatch(/^sha256:/);
  });

  it('push rejects an unknown image', async () => {
    const { code, stderr } = await jettison(['push', 'localhost:1/none']);
    expect(code).toBe(1);
    expect(stderr).toContain('there is no image');
  });

  it.each([['pull'], ['push'], ['pull', 'a', 'b'], ['login', 'a', 'b'], ['login', '--password-stdin']])(
    'are refused when wrong: %s %s %s',
    async (...args) => {
      expect((await jettison(args)).code).toBe(2);
    },
  );

  describe('login', () => {
    const user = { name: 'me', password: 'secret' };
    const configPath = () => join(home, '.docker', 'config.json');
    const config = () => JSON.parse(readFileSync(configPath(), 'utf8'));

    it.each(['basic', 'bearer'] as const)(
      'stores accepted credentials (%s), readable by the user only',
      async (auth) => {
        const server = await start({ auth, user });
        addImage(server, '1');
        const login = ['login', '-u', 'me', '--password-stdin', server.host];
        const { code, stdout } = await jettison(login, 'secret\n');
        expect(stdout).toBe('Login Succeeded\n');
        expect(code).toBe(0);
        expect(config()).toEqual({
          auths: { [server.host]: { auth: Buffer.from('me:secret').toString('base64') } },
        });
        expect(statSync(configPath()).mode & 0o777).toBe(0o600);
        expect((await jettison(['pull', '-q', `${server.host}/team/app:1`])).code).toBe(0);

        expect((await jettison(['logout', server.host])).stdout).toBe(
          `Removed the login for ${server.host}\n`,
        );
        expect(config()).toEqual({ auths: {} });
        expect((await jettison(['logout', server.host])).stdout).toBe(`Not logged in to ${server.host}\n`);
        expect((await jettison(['pull', '-q', `${server.host}/team/app:1`])).stderr).toContain(
          'jettison login',
        );
      },
    );

    it.each(['basic', 'bearer'] as const)('keeps nothing that the registry refuses (%s)', async (auth) => {
      const server = await start({ auth, user });
      const { code, stderr } = await jettison(['login', '-u', 'me', '-p', 'wrong', server.host]);
      expect(code).toBe(1);
      expect(stderr).toContain('does not accept this user and password');
      expect(existsSync(configPath())).toBe(false);
    });

    it('leaves everything else in the file alone', async () => {
      const server = await start({ auth: 'basic', user });
      mkdirSync(join(home, '.docker'));
      const others = { credHelpers: { 'ghcr.io': 'gh' }, proxies: { default: {} } };
      const auths = {
        'other.example.com': { auth: 'eDp5' },
        [`http://${server.host}/v1/`]: { auth: 'eDp5' },
      };
      writeFileSync(configPath(), JSON.stringify({ ...others, auths }));
      await jettison(['login', '-u', 'me', '-p', 'secret', server.host]);
      expect(config()).toMatchObject(others);
      expect(Object.keys(config().auths)).toEqual(['other.example.com', server.host]);
    });

    it('gives the password to the helper that is set up, and takes it back', async () => {
      const server = await start({ auth: 'basic', user });
      mkdirSync(join(home, '.docker'));
      mkdirSync(join(home, 'bin'));
      writeFileSync(configPath(), '{"credsStore":"test"}');
      const script = `#!/bin/sh\ncase $1 in store) cat >${home}/kept ;; erase) rm ${home}/kept ;; get) cat ${home}/kept 2>/dev/null || { echo 'credentials not found in native keychain'; exit 1; } ;; esac\n`;
      writeFileSync(join(home, 'bin', 'docker-credential-test'), script, { mode: 0o755 });
      await jettison(['login', '-u', 'me', '-p', 'secret', server.host]);
      expect(config()).toEqual({ credsStore: 'test' });
      expect(JSON.parse(readFileSync(join(home, 'kept'), 'utf8'))).toEqual({
        ServerURL: server.host,
        Username: 'me',
        Secret: 'secret',
      });
      expect((await jettison(['logout', server.host])).stdout).toContain('Removed');
      expect(existsSync(join(home, 'kept'))).toBe(false);
    });
  });
});
