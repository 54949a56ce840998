import { createReadStream, statSync } from 'node:fs';
import { deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { node } from '../../../src/inspect/catalogues/node.ts';
import { imageOf, owners } from './image-of-files.ts';

const ELF = Buffer.from('\x7fELF\x02\x01\x01', 'latin1');
const PADDING = Buffer.alloc(300 << 10);
const program = (...parts: (string | Buffer)[]) =>
  Buffer.concat([
    ELF,
    PADDING,
    ...parts.map((one) => (typeof one === 'string' ? Buffer.from(one, 'latin1') : one)),
  ]);
const packagesOf = (files: Parameters<typeof imageOf>[0]) => [...imageOf(files).packages.values()];

describe('node', () => {
  test.skipIf(statSync(process.execPath).size < 16 << 20)(
    'says what is in it: the program that runs this test',
    { timeout: 120_000 },
    async () => {
      const { size } = statSync(process.execPath);
      expect(node.wants('usr/local/bin/node', size, 0o755)).toBe('pieces');
      const scan = node.scan!('usr/local/bin/node', size);
      for await (const chunk of createReadStream(process.execPath)) scan.data(chunk as Buffer);
      // Its number of one digit is kept elsewhere; what is empty is not in it.
      const { napi: _, ...expected } = Object.fromEntries(
        Object.entries(process.versions).filter(([, version]) => version !== ''),
      );
      const fact = scan.end();
      const { napi: __, ...parts } = fact?.parts ?? {};
      expect(parts).toEqual(expected);
      expect(fact?.version).toBe(process.versions.node);
    },
  );

  const NAMES =
    'acorn ada ares brotli cjs_module_lexer cldr llhttp napi nghttp2 nghttp3 ngtcp2 simdutf tz undici uvwasi';
  const VALUES =
    '0.5.2 1.1.0 1.2.2 45.0 75.1 8.1.2 115 1.61.0 0.7.0 1.1.0 3.0.13+quic 5.2.8 2024a 6.13.0 15.1 1.46.0 0.0.21 11.3.244.8-node.23 1.3.0.1-motley 20.15.0 8.11.3 2.7.8 1.28.1';
  const strings = (words: string) =>
    Buffer.concat(
      words.split(' ').map((word) => {
        const head = Buffer.from([0x61, 3, 0, 0, 0, word.length, 0, 0, 0]);
        return Buffer.concat([head, Buffer.from(word), Buffer.alloc((8 - (word.length % 8)) % 8)]);
      }),
    );
  const snapshot = (names: string, values = VALUES) =>
    Buffer.concat([ELF, Buffer.alloc(16 << 20), strings(names), PADDING, strings(values), PADDING]);

  test('owns its program, and the other files of its archive', () => {
    const counted = imageOf({
      'usr/local/bin/node': snapshot(NAMES),
      'usr/local/include/node/node.h': 'h',
      'usr/local/LICENSE': 'l',
      'usr/local/bin/other': 'o',
    });
    const id = 'generic:node@20.15.0:/usr/local/bin/node';
    expect(owners(counted)).toEqual({
      'usr/local/LICENSE': [id, 'runtime'],
      'usr/local/bin/node': [id, 'runtime'],
      'usr/local/bin/other': [undefined, 'unowned'],
      'usr/local/include/node/node.h': [id, 'runtime'],
    });
    expect(counted.packages.get('generic:openssl@3.0.13+quic:/usr/local/bin/node')).toMatchObject({
      ...{ name: 'openssl', version: '3.0.13+quic', partOf: id, purl: 'pkg:generic/openssl@3.0.13%2Bquic' },
    });
    expect(counted.packages.get(id)?.requires).toContain('generic:undici@6.13.0:/usr/local/bin/node');
  });

  // In the order of the programs of nodejs.org; words that stand elsewhere in them are left out.
  test.each([
    [
      '22.23.5',
      'acorn ada amaro ares brotli cjs_module_lexer cldr llhttp napi nbytes ncrypto nghttp2 simdjson simdutf tz undici uvwasi zstd',
      '1.34.9 1.1.0 2.2.0 48.0 78.3 9.4.4 127 10 0.1.3 0.0.1 1.69.0 3.5.9 4.5.0 6.4.2 3.54.1 2026e 6.29.1 17.0 1.51.0 0.0.23 12.4.254.21-node.57 1.3.1-e00f703 1.5.7 22.23.5 8.16.0 2.9.2 1.1.8',
      { brotli: '1.1.0', sqlite: '3.54.1', zstd: '1.5.7', openssl: '3.5.9' },
    ],
    [
      '24.22.3',
      'acorn ada amaro ares cldr llhttp merve napi nbytes ncrypto nghttp2 nghttp3 ngtcp2 simdjson simdutf tz undici uvwasi',
      '1.34.9 1.2.1 48.0 78.3 9.4.4 1.2.2 137 10 0.1.4 0.0.1 1.70.0 3.5.9 4.6.11 6.4.0 3.54.1 2026e 7.30.2 17.0 1.52.1 0.0.23 13.6.233.17-node.63 1.3.2.1-motley-285e94b 1.5.7 24.22.3 8.18.0 4.0.0 1.1.11',
      { brotli: '1.2.1', merve: '1.2.2', sqlite: '3.54.1', zstd: '1.5.7', undici: '7.30.2' },
    ],
    [
      '26.12.1',
      'acorn ada amaro ares cldr libffi lief llhttp merve modules napi nbytes ncrypto nghttp2 nghttp3 ngtcp2 simdjson simdutf sqlite tz undici uvwasi',
      '1.34.9 1.2.0 48.0 78.3 3.8.0 1.0.0 9.4.3 1.2.2 147 10 0.1.4 0.0.1 1.70.0 3.5.9 5.0.3 7.7.0 3.54.0 2026e 8.12.2 17.0 1.52.1 0.0.23 14.6.202.34-node.40 1.3.2.1-motley-456ae73 1.5.7 26.12.1 8.19.0 4.0.0 1.1.11',
      { brotli: '1.2.0', libffi: '3.8.0', sqlite: '3.54.0', zstd: '1.5.7', openssl: '3.5.9' },
    ],
  ])('finds every part of Node %s', (version, keys, values, some) => {
    const { packages } = imageOf({ 'bin/node': snapshot(keys, values) });
    const found = Object.fromEntries([...packages.values()].map((one) => [one.name, one.version]));
    expect(found).toMatchObject({ node: version, ...some });
    // Of each value a component but of the interfaces: modules and napi.
    expect(Object.keys(found)).toHaveLength(values.split(' ').length - 2);
  });

  test('says no more than is certain where its parts are unknown', () => {
    const { packages } = imageOf({ 'bin/node': snapshot('acorn llhttp') });
    expect([...packages.values()].map(({ name, version }) => `${name} ${version}`)).toEqual([
      'v8 11.3.244.8-node.23',
      'node 20.15.0',
    ]);
  });
});

describe('go', () => {
  const LIST =
    'path\texample.com/a/cmd\nmod\texample.com/a\tv1.2.3\th1:x\ndep\tgolang.org/x/sys\tv0.1.0\nbuild\t-x=y\n';
  const START = Buffer.from('3077af0c9274080241e1c107e6d618e6', 'hex');
  const END = Buffer.from('f932433186182072008242104116d8f2', 'hex');
  const framed = Buffer.concat([START, Buffer.from(LIST), END]);
  const EXPECTED = [
    ['stdlib', '1.22.1', 'pkg:golang/stdlib@1.22.1'],
    ['golang.org/x/sys', 'v0.1.0', 'pkg:golang/golang.org/x/sys@v0.1.0'],
    ['example.com/a', 'v1.2.3', 'pkg:golang/example.com/a@v1.2.3'],
  ];
  const seen = (content: Buffer) =>
    packagesOf({ 'bin/a': content }).map(({ name, version, purl }) => [name, version, purl]);

  test('texts that follow the block (since 1.18)', () => {
    const block = Buffer.concat([Buffer.from('\xff Go buildinf:\x08\x02', 'latin1'), Buffer.alloc(16)]);
    const version = Buffer.from('\x08go1.22.1', 'latin1');
    const length = Buffer.from([(framed.length & 0x7f) | 0x80, framed.length >> 7]);
    const start = Buffer.concat([ELF, PADDING]);
    const aligned = Buffer.alloc(-start.length & 15);
    const content = Buffer.concat([start, aligned, block, version, length, framed, PADDING]);
    expect(seen(content)).toEqual(EXPECTED);
    expect(owners(imageOf({ 'bin/a': content }))).toEqual({
      'bin/a': ['golang:example.com/a@v1.2.3:/bin/a', 'go'],
    });
  });

  test('texts that the block points at (before 1.18)', () => {
    const at = { text: 300_000, list: 310_000, block: 320_000, header: 320_064 };
    const base = 0x400000;
    const content = Buffer.alloc(400_000);
    ELF.copy(content);
    content.writeBigUInt64LE(64n, 32);
    content.writeUInt16LE(56, 54);
    content.writeUInt16LE(1, 56);
    content.writeUInt32LE(1, 64);
    content.writeBigUInt64LE(0n, 72);
    content.writeBigUInt64LE(BigInt(base), 80);
    content.writeBigUInt64LE(BigInt(content.length), 96);
    content.write('something go1.9xgo1.22.1go1.8', at.text - 16, 'latin1');
    framed.copy(content, at.list);
    content.write('\xff Go buildinf:\x08\x00', at.block, 'latin1');
    content.writeBigUInt64LE(BigInt(base + at.header), at.block + 16);
    content.writeBigUInt64LE(BigInt(base + at.text), at.header);
    content.writeBigUInt64LE(8n, at.header + 8);
    expect(seen(content)).toEqual(EXPECTED);
  });

  test.each([
    ['no more than the magic', program('\xff Go buildinf:\x08\x02')],
    [
      'an address outside of it',
      Buffer.concat([
        ELF,
        PADDING,
        Buffer.alloc(9),
        Buffer.from('\xff Go buildinf:\x08\0', 'latin1'),
        Buffer.alloc(99, 0xee),
      ]),
    ],
    ['a length without end', program('\xff Go buildinf:\x08\x02', Buffer.alloc(100, 0xff))],
  ])('%s is nothing', (_, content) => {
    expect(seen(content)).toEqual([]);
  });
});

test('cargo-auditable: crates, and who needs whom', () => {
  const list = {
    packages: [
      { name: 'app', version: '0.1.0', source: 'local', dependencies: [1, 2, 99], root: true },
      { name: 'serde', version: '1.0.200', source: 'crates.io' },
      { name: 'cc', version: '1.0.0', source: 'crates.io', kind: 'build' },
    ],
  };
  const packed = deflateSync(JSON.stringify(list), { level: 7 });
  const counted = imageOf({ 'bin/a': program('xx\x78\x9c', PADDING, packed, PADDING) });
  expect([...counted.packages.values()]).toMatchObject([
    {
      ...{ name: 'app', purl: 'pkg:cargo/app@0.1.0' },
      requires: ['cargo:serde@1.0.200:/bin/a', 'cargo:cc@1.0.0:/bin/a'],
    },
    { name: 'serde', partOf: 'cargo:app@0.1.0:/bin/a' },
    { name: 'cc', dev: true },
  ]);
  expect(owners(counted)).toEqual({ 'bin/a': ['cargo:app@0.1.0:/bin/a', 'rust'] });
});

describe('programs that say their version', () => {
  test.each([
    ['bin/busybox', 'BusyBox v1.36.1 (2024-01-01)', 'generic:busybox@1.36.1:/bin/busybox', 'tool'],
    ['usr/sbin/nginx', 'x\0nginx/1.25.3\0', 'generic:nginx@1.25.3:/usr/sbin/nginx', 'runtime'],
    [
      'bin/redis-server',
      '\x007.2.4buildkitsandbox-1704816000000000000\0',
      'generic:redis@7.2.4:/bin/redis-server',
      'runtime',
    ],
    ['bin/redis-server', 'A7.0.151790282056000000000\0', 'generic:redis@7.0.15:/bin/redis-server', 'runtime'],
    [
      'bin/postgres',
      'PostgreSQL 9.1.\0postgres (PostgreSQL) 15\0PostgreSQL 16.2 on',
      'generic:postgresql@16.2:/bin/postgres',
      'runtime',
    ],
    ['sbin/tini', 'tini version 0.19.0', 'generic:tini@0.19.0:/sbin/tini', 'tool'],
    [
      'lib/ld-musl-x86_64.so.1',
      'musl libc (x86_64)\nVersion %s\n\0x\x001.2.5\0',
      'generic:musl@1.2.5:/lib/ld-musl-x86_64.so.1',
      'runtime',
    ],
  ])('%s', (path, text, id, kind) => {
    expect(owners(imageOf({ [path]: program(text) }))).toEqual({ [path]: [id, kind] });
  });

  test('links to busybox are its own', () => {
    const counted = imageOf({
      'bin/busybox': program('BusyBox v1.36.1 '),
      'bin/ls': '->busybox',
      'bin/x': '->y',
    });
    expect(owners(counted)).toMatchObject({
      'bin/ls': ['generic:busybox@1.36.1:/bin/busybox', 'tool'],
      'bin/x': [undefined, 'unowned'],
    });
  });

  test('files that are not programs are not searched', () => {
    expect(owners(imageOf({ 'bin/busybox': Buffer.from('BusyBox v1.36.1 ') }))).toEqual({
      'bin/busybox': [undefined, 'unowned'],
    });
  });
});
