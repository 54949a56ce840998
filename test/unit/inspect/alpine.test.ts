import { expect, test } from 'vitest';
import { imageOf, owners } from './image-of-files.ts';

/** Paragraphs of apk's database with every field that it has, of the packages and paths of Alpine's minirootfs. */
const PACKAGES: [name: string, version: string, fields: string[], files: string[]][] = [
  [
    'alpine-baselayout-data',
    '3.6.5-r0',
    ['o:alpine-baselayout'],
    ['F:etc', 'R:fstab', 'R:shadow', 'a:0:42:640', 'R:passwd'],
  ],
  ['alpine-keys', '2.5-r0', [], ['F:etc/apk/keys', 'R:alpine-devel.rsa.pub', 'F:usr/share/apk/keys/x86_64']],
  ['alpine-release', '3.21.3-r0', [], ['F:etc', 'R:alpine-release', 'F:usr/lib', 'R:os-release']],
  [
    'apk-tools',
    '2.14.6-r3',
    [
      'D:musl>=1.2.3_git20230424 ca-certificates-bundle so:libc.musl-x86_64.so.1',
      'p:so:libapk.so.2.14.0=2.14.0',
    ],
    ['F:sbin', 'R:apk', 'a:0:0:755'],
  ],
  [
    'busybox',
    '1.37.0-r12',
    ['D:so:libc.musl-x86_64.so.1', 'p:cmd:busybox=1.37.0-r12', 'i:alpine-keys'],
    ['F:bin', 'R:busybox', 'a:0:0:755', 'F:etc', 'R:securetty', 'F:tmp', 'M:0:0:1777'],
  ],
  [
    'busybox-binsh',
    '1.37.0-r12',
    ['o:busybox', 'D:busybox=1.37.0-r12 !yash-binsh', 'p:/bin/sh cmd:sh=1.37.0-r12', 'k:100'],
    ['F:bin', 'R:sh', 'a:0:0:777'],
  ],
  [
    'ca-certificates-bundle',
    '20241121-r1',
    [],
    ['F:etc/ssl', 'R:cert.pem', 'F:etc/ssl/certs', 'R:ca-certificates.crt'],
  ],
  [
    'musl',
    '1.2.5-r9',
    ['p:so:libc.musl-x86_64.so.1=1'],
    ['F:lib', 'R:ld-musl-x86_64.so.1', 'R:libc.musl-x86_64.so.1'],
  ],
  [
    'scanelf',
    '1.3.8-r1',
    ['o:pax-utils', 'r:pax-utils', 'D:so:libc.musl-x86_64.so.1'],
    ['F:usr/bin', 'R:scanelf'],
  ],
];
const DATABASE = PACKAGES.map(([name, version, fields, files]) =>
  [
    ...['C:Q1hO6Wgvlyk3Ok8mBjVn1EaGoAxnY=', `P:${name}`, `V:${version}`, 'A:x86_64', 'S:411', 'I:9216'],
    ...[
      'T:A package',
      'U:https://alpinelinux.org',
      'L:MIT',
      'm:A <a@alpinelinux.org>',
      't:1736959402',
      'c:3e9a',
    ],
    ...fields,
    ...files.flatMap((line) => (line.startsWith('R:') ? [line, 'Z:Q1Xs4xJJHMv0dwvyB1zi6qXVsSXsk='] : [line])),
  ].join('\n'),
).join('\n\n');

test("a root like Alpine's: every file is a package's, or made by its scripts", () => {
  const counted = imageOf({
    'lib/apk/db/installed': `${DATABASE}\n\n`,
    'lib/apk/db/scripts.tar': 's',
    'lib/apk/db/triggers': 't',
    'etc/apk/world': 'alpine-baselayout\n',
    'etc/apk/repositories': 'r',
    'etc/apk/arch': 'x86_64\n',
    'etc/apk/keys/alpine-devel.rsa.pub': 'k',
    'etc/alpine-release': '3.21.3\n',
    'etc/os-release': '->../usr/lib/os-release',
    'usr/lib/os-release': 'ID=alpine\nVERSION_ID=3.21.3\nPRETTY_NAME="Alpine Linux v3.21"\n',
    'etc/fstab': 'f',
    'etc/shadow': 'p',
    'etc/shadow-': 'p',
    'etc/passwd': 'p',
    'etc/securetty': 's',
    'etc/ssl/cert.pem': '->certs/ca-certificates.crt',
    'etc/ssl/certs/ca-certificates.crt': 'c',
    'sbin/apk': Buffer.from('a'),
    'bin/busybox': Buffer.from('b'),
    'bin/sh': '->/bin/busybox',
    'bin/ash': '->/bin/busybox',
    'usr/bin/awk': '->/bin/busybox',
    'usr/bin/scanelf': Buffer.from('s'),
    'lib/ld-musl-x86_64.so.1': Buffer.from('m'),
    'lib/libc.musl-x86_64.so.1': '->ld-musl-x86_64.so.1',
  });
  const base = ['apk:alpine-baselayout-data', 'os-package'];
  const made = [undefined, 'os-package'];
  expect(owners(counted)).toEqual({
    'lib/apk/db/installed': made,
    'lib/apk/db/scripts.tar': made,
    'lib/apk/db/triggers': made,
    'etc/apk/world': made,
    'etc/apk/repositories': made,
    'etc/apk/arch': made,
    'etc/apk/keys/alpine-devel.rsa.pub': ['apk:alpine-keys', 'os-package'],
    'etc/alpine-release': ['apk:alpine-release', 'os-package'],
    'etc/os-release': made,
    'usr/lib/os-release': ['apk:alpine-release', 'os-package'],
    'etc/fstab': base,
    'etc/shadow': base,
    'etc/shadow-': made,
    'etc/passwd': base,
    'etc/securetty': ['apk:busybox', 'tool'],
    'etc/ssl/cert.pem': ['apk:ca-certificates-bundle', 'os-package'],
    'etc/ssl/certs/ca-certificates.crt': ['apk:ca-certificates-bundle', 'os-package'],
    'sbin/apk': ['apk:apk-tools', 'tool'],
    'bin/busybox': ['apk:busybox', 'tool'],
    'bin/sh': ['apk:busybox-binsh', 'tool'],
    'bin/ash': ['apk:busybox', 'tool'],
    'usr/bin/awk': ['apk:busybox', 'tool'],
    'usr/bin/scanelf': ['apk:scanelf', 'os-package'],
    'lib/ld-musl-x86_64.so.1': ['apk:musl', 'os-package'],
    'lib/libc.musl-x86_64.so.1': ['apk:musl', 'os-package'],
  });
  expect(counted.packages.get('apk:apk-tools')).toMatchObject({
    version: '2.14.6-r3',
    purl: 'pkg:apk/alpine/apk-tools@2.14.6-r3?arch=x86_64',
    requires: ['apk:musl', 'apk:ca-certificates-bundle'],
  });
  expect(counted.packages.get('apk:busybox-binsh')).toMatchObject({ requires: ['apk:busybox'] });
});

test('a conflict with a package is no need of it', () => {
  const counted = imageOf({
    'lib/apk/db/installed': 'P:a\nV:1\n\nP:b\nV:1\nD:!a a>2\np:c\n\nP:d\nV:1\nD:!b !c\n\n',
  });
  expect(counted.packages.get('apk:b')).toMatchObject({ requires: ['apk:a'] });
  expect(counted.packages.get('apk:d')).toMatchObject({ requires: [] });
});
