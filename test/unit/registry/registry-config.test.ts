import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { parseReference } from '../../../src/image/reference.ts';
import { RegistryConfig } from '../../../src/registry/registry-config.ts';
import { tempDir } from '../../support/temp-dir.ts';

describe('registry configuration files', () => {
  let folder: string;
  beforeEach(() => {
    folder = tempDir();
  });

  const write = (name: string, text: string) => {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  };
  const load = (env: NodeJS.ProcessEnv = {}) =>
    RegistryConfig.load(env, false, {
      registriesConf: [join(folder, 'user.conf'), join(folder, 'registries.conf')],
      dropIns: [join(folder, 'registries.conf.d')],
      daemon: [join(folder, 'daemon.json')],
      hosts: [join(folder, 'certs.d')],
    });
  const reading = async (name: string, env?: NodeJS.ProcessEnv) => {
    const { mirrors, own } = await (await load(env)).reading(parseReference(name));
    const shown = [...mirrors, own].map(
      ({ bases, repository, insecure }) =>
        `${bases.map((base) => base.href.replace(/\/$/, '')).join('|')} ${repository}${insecure ? ' insecure' : ''}`,
    );
    return shown;
  };

  it('is nothing by default', async () => {
    expect(await reading('node')).toEqual(['https://registry-1.docker.io library/node']);
    expect(await reading('localhost:5000/a')).toEqual([
      'http://localhost:5000|https://localhost:5000 a insecure',
    ]);
  });

  it('is read of registries.conf: the longest prefix counts, its mirrors come first, then its location', async () => {
    write(
      'registries.conf',
      `
unqualified-search-registries = ["docker.io"]
[[registry]]
location = "docker.io"
[[registry.mirror]]
location = "mirror.example.com/hub"
[[registry.mirror]]
location = "plain.example.com:5000"
insecure = true

[[registry]]
prefix = "docker.io/team/special"
location = "other.example.com/place"

[[registry]]
prefix = "*.corp.example"
insecure = true

[[registry]]
prefix = "bad.example.com/x"
blocked = true
`,
    );
    expect(await reading('node:20')).toEqual([
      'https://mirror.example.com hub/library/node',
      'https://plain.example.com:5000|http://plain.example.com:5000 library/node insecure',
      'https://registry-1.docker.io library/node',
    ]);
    expect(await reading('team/special/app')).toEqual(['https://other.example.com place/app']);
    expect(await reading('team/specials')).toContain('https://registry-1.docker.io team/specials');
    expect(await reading('a.b.corp.example/x')).toEqual([
      'https://a.b.corp.example|http://a.b.corp.example x insecure',
    ]);
    expect(await reading('corp.example/x')).toEqual(['https://corp.example x']);
    await expect(reading('bad.example.com/x/y')).rejects.toMatchObject({
      code: 'REGISTRY_BLOCKED',
      message: expect.stringMatching(/registries\.conf:19$/),
    });
    expect(await reading('bad.example.com/xy')).toEqual(['https://bad.example.com xy']);
    const { origin } = (await (await load()).reading(parseReference('node'))).mirrors[1]!;
    expect(origin).toBe(`${join(folder, 'registries.conf')}:8`);
  });

  it('heeds for which names a mirror may be asked', async () => {
    write(
      'registries.conf',
      `
[[registry]]
location = "a.example.com"
mirror-by-digest-only = true
[[registry.mirror]]
location = "m.example.com"
[[registry]]
location = "b.example.com"
[[registry.mirror]]
location = "tags.example.com"
pull-from-mirror = "tag-only"
[[registry.mirror]]
location = "digests.example.com"
pull-from-mirror = "digest-only"
`,
    );
    const digest = `@sha256:${'a'.repeat(64)}`;
    expect(await reading('a.example.com/x:1')).toEqual(['https://a.example.com x']);
    expect(await reading(`a.example.com/x${digest}`)).toEqual([
      'https://m.example.com x',
      'https://a.example.com x',
    ]);
    expect((await reading('b.example.com/x:1'))[0]).toBe('https://tags.example.com x');
    expect((await reading(`b.example.com/x${digest}`))[0]).toBe('https://digests.example.com x');
  });

  it("has the user's file in the place of the system's, and later files over earlier ones", async () => {
    write('registries.conf', '[[registry]]\nlocation = "a.example.com"\nblocked = true\n');
    write('user.conf', '[[registry]]\nlocation = "b.example.com"\nblocked = true\n');
    write(
      'registries.conf.d/1.conf',
      '[[registry]]\nprefix = "b.example.com"\nlocation = "one.example.com"\n',
    );
    write(
      'registries.conf.d/2.conf',
      '[[registry]]\nprefix = "b.example.com"\nlocation = "two.example.com"\n',
    );
    write('registries.conf.d/3.txt', 'no toml');
    expect(await reading('a.example.com/x')).toEqual(['https://a.example.com x']);
    expect(await reading('b.example.com/x')).toEqual(['https://two.example.com x']);
  });

  it('is read of the older form, of daemon.json, and the environment comes before', async () => {
    write(
      'registries.conf',
      '[registries.insecure]\nregistries = ["old.example.com"]\n[registries.block]\nregistries = ["no.example.com"]\n',
    );
    write(
      'daemon.json',
      '{ "registry-mirrors": ["https://mirror.example.com"], "insecure-registries": ["in.example.com:5000", "10.1.0.0/16"] }',
    );
    expect(await reading('old.example.com/x')).toEqual([
      'https://old.example.com|http://old.example.com x insecure',
    ]);
    await expect(reading('no.example.com/x')).rejects.toMatchObject({ code: 'REGISTRY_BLOCKED' });
    expect(await reading('node')).toEqual([
      'https://mirror.example.com library/node',
      'https://registry-1.docker.io library/node',
    ]);
    expect((await reading('10.1.2.3/x'))[0]).toMatch(/insecure$/);
    expect((await reading('10.2.2.3/x'))[0]).not.toMatch(/insecure$/);
    expect((await reading('in.example.com:5000/x'))[0]).toMatch(/insecure$/);
    expect((await reading('in.example.com/x'))[0]).not.toMatch(/insecure$/);
    expect(await reading('node', { JETTISON_MIRRORS: 'docker.io=https://env.example.com' })).toEqual([
      'https://env.example.com library/node',
      'https://registry-1.docker.io library/node',
    ]);
  });

  it('is read of hosts.toml, with certificates', async () => {
    write('certs.d/docker.io/mirror.crt', 'PEM');
    write(
      'certs.d/docker.io/hosts.toml',
      `server = "https://upstream.example.com"
[host."https://one.example.com"]
capabilities = ["pull", "resolve"]
ca = "mirror.crt"
[host."https://two.example.com/v2/cache"]
override_path = true
[host."https://push.example.com"]
capabilities = ["push"]
[host."https://blobs.example.com"]
capabilities = ["pull"]
skip_verify = true
`,
    );
    expect(await reading('node:20')).toEqual([
      'https://one.example.com library/node',
      'https://two.example.com cache/library/node',
      'https://upstream.example.com library/node',
    ]);
    const trust = await (await load()).trustOf('docker.io');
    expect(trust.get('one.example.com')).toEqual({ ca: ['PEM'] });
    expect(trust.get('blobs.example.com')).toEqual({ unverified: true });
  });

  it.each([
    ['registries.conf', '[[registry]]\nlocation = \n', /registries\.conf:2: invalid TOML/],
    ['registries.conf', '\n[[registry]]\nblocked = true\n', /registries\.conf:2: a \[\[registry\]\] needs/],
    ['registries.conf', '[[registry]]\nlocation = "https://a.b"\n', /registries\.conf:2: invalid location/],
    [
      'registries.conf',
      '[[registry]]\nlocation = "a.b"\ninsecure = "yes"\n',
      /registries\.conf:3: "insecure" must be true or false/,
    ],
    [
      'registries.conf',
      '[[registry]]\nprefix = "a.*.b"\nlocation = "x.y"\n',
      /registries\.conf:2: invalid prefix/,
    ],
    [
      'registries.conf',
      'unqualified-search-registries = "docker.io"\n',
      /registries\.conf:1: "unqualified-search-registries" must be a list/,
    ],
    [
      'registries.conf',
      '[[registry]]\nlocation = "a.b"\n[[registry.mirror]]\nlocation = "c.d"\npull-from-mirror = "some"\n',
      /registries\.conf:5: invalid "pull-from-mirror"/,
    ],
    ['registries.conf.d/x.conf', 'a = [\n', /x\.conf:\d: invalid TOML/],
    ['daemon.json', '{\n  "registry-mirrors": [}\n', /daemon\.json:2: invalid JSON/],
    [
      'daemon.json',
      '{\n  "registry-mirrors": ["ftp://x"]\n}',
      /daemon\.json:2: invalid registry mirror "ftp:\/\/x"/,
    ],
    [
      'certs.d/docker.io/hosts.toml',
      '[host."https://a.b"]\nca = "missing.crt"\n',
      /hosts\.toml:2: cannot read the certificate missing\.crt/,
    ],
    ['certs.d/_default/hosts.toml', 'server = 3\n', /hosts\.toml:1: invalid URL "3"/],
  ])('is an error with file and line where it is wrong: %s %j', async (name, text, message) => {
    write(name, text);
    await expect(reading('node')).rejects.toMatchObject({
      code: 'REGISTRY_CONFIG_INVALID',
      message: expect.stringMatching(message),
    });
  });
});
