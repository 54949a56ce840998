import { createSign, generateKeyPairSync } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { alpineIndex } from '../../../src/behind/alpine-index.ts';
import type { PackageSource } from '../../../src/behind/package-sources.ts';
import { makeTar } from '../../support/images.ts';

const SOURCE: PackageSource = {
  ...{ type: 'apk', uri: 'https://dl.example.com/alpine/v3.22/main', suite: '', components: [] },
};
const INDEX = [
  'C:Q1x=\nP:libssl3\nV:3.5.0-r0\nA:x86_64\no:openssl\nT:SSL shared libraries',
  'C:Q1y=\nP:libssl3\nV:3.5.4-r0\nA:x86_64\no:openssl',
  'C:Q1z=\nP:busybox\nV:1.37.0-r18\nA:x86_64',
  'C:Q1w=\nP:zlib\nV:1.3.1-r2\nA:x86_64\n',
].join('\n\n');
const PACKED = gzipSync(
  makeTar([
    ['DESCRIPTION', 'v3.22'],
    ['APKINDEX', INDEX],
  ]),
);
const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const KEY = Buffer.from(publicKey.export({ type: 'spki', format: 'pem' }));

/** As abuild-sign does it: a gzip member with the signature before the one that it signs, without the end of a tar. */
function signed(packed: Buffer, type: 'RSA' | 'RSA256' = 'RSA'): Buffer {
  const signature = createSign(type === 'RSA' ? 'sha1' : 'sha256')
    .update(packed)
    .sign(privateKey);
  const tar = makeTar([[`.SIGN.${type}.builder.rsa.pub`, signature]]);
  return Buffer.concat([gzipSync(tar.subarray(0, -1024)), packed]);
}

const read = (content: Buffer | undefined, keys = new Map([['builder.rsa.pub', KEY]])) =>
  alpineIndex(SOURCE, {
    ...{ architecture: 'x86_64', wanted: new Set(['libssl3', 'busybox']), keys },
    fetch: async (url) => (url === `${SOURCE.uri}/x86_64/APKINDEX.tar.gz` ? content : undefined),
  });

describe('APKINDEX', () => {
  test.each(['RSA', 'RSA256'] as const)(
    'has the newest version of each wanted package, signed by %s',
    async (type) => {
      expect(await read(signed(PACKED, type))).toEqual({
        ...{ source: SOURCE, signature: 'good' },
        packages: new Map([
          ['libssl3', { version: '3.5.4-r0', source: 'openssl' }],
          ['busybox', { version: '1.37.0-r18', source: 'busybox' }],
        ]),
      });
    },
  );

  test('is not checked without a signature, or without its key', async () => {
    expect((await read(PACKED))?.signature).toBe('unchecked');
    expect((await read(signed(PACKED), new Map()))?.signature).toBe('unchecked');
  });

  test('is undefined where the repository has none', async () => {
    expect(await read(undefined)).toBeUndefined();
  });
});

describe('refuses', () => {
  const changed = gzipSync(makeTar([['APKINDEX', INDEX.replace('3.5.4', '3.5.0')]]));
  const forged = Buffer.concat([signed(PACKED).subarray(0, -PACKED.length), changed]);

  test.each([
    ['an index that another signature belongs to', forged],
    ['an archive without an index', gzipSync(makeTar([['DESCRIPTION', 'x']]))],
    ['a login page', Buffer.from('<html></html>')],
    ['an empty answer', Buffer.alloc(0)],
    ['the beginning of a header', PACKED.subarray(0, 6)],
    ['half an index', signed(PACKED).subarray(0, -40)],
  ])('%s', async (_, content) => {
    await expect(read(content)).rejects.toMatchObject({ code: 'INDEX_INVALID' });
  });
});
