import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { parseBuilder, parseBuilders } from '../../../src/fleet/builder-address.ts';
import { buildxInstance } from '../../../src/fleet/buildx-instances.ts';
import { namedBuilders } from '../../../src/fleet/named-builders.ts';
import { tempDir } from '../../support/temp-dir.ts';

const signal = new AbortController().signal;
const at = (text: string, env: NodeJS.ProcessEnv = {}) =>
  parseBuilder(text, { env: { HOME: '/nowhere', ...env }, cwd: '/', signal });

describe('addresses of builders', () => {
  test('say how a builder is reached', () => {
    expect(at('tcp://build.example.com:1234')[0]!.link).toEqual({
      kind: 'socket',
      target: 'dns:build.example.com:1234',
    });
    expect(at('unix:///run/b%20k.sock')[0]!.link).toEqual({ kind: 'socket', target: 'unix:/run/b k.sock' });
    for (const text of [
      'docker://',
      'docker-container://a',
      'ssh://u@h:22/run/b.sock',
      'kube-pod://p?namespace=n',
    ]) {
      expect(at(text)[0]!.link.kind, text).toBe('stream');
    }
    expect(at('tcp://h:1?max=4')[0]!.max).toBe(4);
  });

  test('take certificates for TLS', () => {
    const folder = tempDir();
    const ca = rootCertificates[0]!;
    writeFileSync(join(folder, 'ca.pem'), ca);
    writeFileSync(join(folder, 'bad.pem'), '-----BEGIN CERTIFICATE-----\nAAAA\n');
    const { link } = at(`tcp://h:1?tls-ca=${folder}/ca.pem&tls-name=x`)[0]!;
    expect(link).toMatchObject({ tls: { ca: Buffer.from(ca), serverName: 'x' } });
    expect(() => at(`tcp://h:1?tls-cert=${folder}/ca.pem`)).toThrow('only one of certificate and key');
    for (const query of [`tls-ca=${folder}/bad.pem`, `tls-cert=${folder}/ca.pem&tls-key=${folder}/bad.pem`]) {
      expect(() => at(`tcp://h:1?${query}`), query).toThrow(
        expect.objectContaining({ code: 'BUILDER_INVALID' }),
      );
    }
    expect(() => at('tcp://h:1?tls-ca=/missing.pem')).toThrow('cannot read "/missing.pem"');
  });

  test.each([
    ['tcp://h', 'invalid builder'],
    ['http://h:1', 'unknown scheme "http"'],
    ['tcp://h:1?tls=1', 'unknown parameter "tls"'],
    ['tcp://h:1?max=0', 'invalid max "0"'],
    ['ssh://u:secret@h', 'has a password'],
    ['docker-container://-it', 'invalid name "-it"'],
    ['kube-pod://', 'invalid name ""'],
    ['unix://h/x', 'invalid builder'],
    ['unix:///a%zz', 'invalid "%"'],
    ['ssh://h/%', 'invalid "%"'],
    ['nosuch', 'unknown builder "nosuch"'],
  ])('rejects %s', (text, message) => {
    let error: unknown;
    try {
      at(text);
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({ message: expect.stringContaining(message), exitCode: 2 });
    expect(String((error as Error).message)).not.toContain('secret');
  });

  test('come from JETTISON_BUILDERS, each once', () => {
    const named = namedBuilders({ JETTISON_BUILDERS: ' tcp://a:1  tcp://b:1 tcp://a:1' });
    const found = parseBuilders(named, { env: {}, cwd: '/', signal });
    expect(found.map(({ text }) => text)).toEqual(['tcp://a:1', 'tcp://b:1']);
    expect(namedBuilders({})).toEqual([]);
  });
});

describe('instances of docker buildx', () => {
  const instances = (name: string, content: object | string) => {
    const folder = tempDir();
    mkdirSync(join(folder, 'instances'));
    writeFileSync(
      join(folder, 'instances', name),
      typeof content === 'string' ? content : JSON.stringify(content),
    );
    return { BUILDX_CONFIG: folder };
  };

  test('give an address for each node', () => {
    const env = instances('far', {
      Driver: 'remote',
      Nodes: [
        { Name: 'far0', Endpoint: 'tcp://a:1', DriverOpts: { cacert: '/ca.pem' } },
        { Name: 'far1', Endpoint: 'tcp://b:1', DriverOpts: null },
      ],
    });
    expect(buildxInstance('far', env)).toEqual([
      { address: 'tcp://a:1?tls-ca=%2Fca.pem', env: {} },
      { address: 'tcp://b:1', env: {} },
    ]);
    const container = instances('box', {
      Driver: 'docker-container',
      Nodes: [{ Name: 'box0', Endpoint: 'unix:///run/docker.sock' }],
    });
    expect(buildxInstance('box', container)).toEqual([
      { address: 'docker-container://buildx_buildkit_box0', env: { DOCKER_HOST: 'unix:///run/docker.sock' } },
    ]);
    expect(at('box', container)).toMatchObject([{ text: 'box' }]);
  });

  test('are rejected with a reason if they have no address', () => {
    expect(() => at('k', instances('k', { Driver: 'kubernetes', Nodes: [{ Name: 'k0' }] }))).toThrow(
      'the driver "kubernetes", which has no address',
    );
    expect(() => at('bad', instances('bad', '{'))).toThrow('cannot read');
    for (const Nodes of [[null], [{ Name: 'n', Endpoint: 7 }], null]) {
      expect(() => at('bad', instances('bad', { Driver: 'remote', Nodes }))).toThrow(
        expect.objectContaining({ code: 'BUILDER_INVALID' }),
      );
    }
    expect(() => at('bad', instances('bad', 'null'))).toThrow('which has no address');
    expect(() => at('../../etc/passwd', instances('x', {}))).toThrow('unknown builder');
    expect(() => at('fra', instances('far', {}))).toThrow(
      expect.objectContaining({ hint: 'Did you mean "far"?' }),
    );
  });
});
