import { describe, expect, test } from 'vitest';
import { imageOf as census, owners } from './image-of-files.ts';

const STATUS = `Package: libc6
Status: install ok installed
Architecture: amd64
Source: glibc (2.36-9)
Version: 2.36-9+deb12u4
Depends: libgcc-s1, libcrypt1 (>= 1:4.4.10-10~) | x
Description: GNU C Library
 with more lines

Package: gone
Status: deinstall ok config-files
Version: 1
`;

describe('dpkg', () => {
  test('needs whatever installed package satisfies a dependency: alternatives, virtual packages', () => {
    const status = [
      'Package: app\nStatus: install ok triggers-awaited\nVersion: 1\nDepends: gone | awk, lib (>= 2), not-there',
      'Package: mawk\nStatus: install ok installed\nVersion: 1\nProvides: awk',
      'Package: gawk\nStatus: install ok unpacked\nVersion: 1\nProvides: x, awk (= 1)',
      'Package: lib\nStatus: hold ok installed\nVersion: 3\nPre-Depends: lib:any',
    ];
    const { packages } = census({ 'var/lib/dpkg/status': status.join('\n\n') });
    expect(packages.get('deb:app')?.requires).toEqual(['deb:mawk', 'deb:gawk', 'deb:lib']);
    expect([...packages.keys()]).toEqual(['deb:app', 'deb:mawk', 'deb:gawk', 'deb:lib']);
  });

  test('owns listed files, through the links of a merged /usr', () => {
    const counted = census({
      'etc/os-release': 'ID=debian\nVERSION_ID="12"\n',
      lib: '->usr/lib',
      'usr/lib/libc.so.6': 'c',
      'usr/share/doc/libc6/copyright': 'd',
      'usr/local/x': 'x',
      'var/lib/dpkg/status': STATUS,
      'var/lib/dpkg/info/libc6:amd64.list': '/.\n/lib\n/lib/libc.so.6\n/usr/share/doc/libc6/copyright\n',
    });
    expect(owners(counted)).toMatchObject({
      'usr/lib/libc.so.6': ['deb:libc6:amd64', 'os-package'],
      'usr/share/doc/libc6/copyright': ['deb:libc6:amd64', 'docs'],
      'usr/local/x': [undefined, 'unowned'],
      'var/lib/dpkg/status': [undefined, 'os-package'],
    });
    expect([...counted.packages.values()]).toMatchObject([
      {
        name: 'libc6',
        version: '2.36-9+deb12u4',
        purl: 'pkg:deb/debian/libc6@2.36-9%2Bdeb12u4?arch=amd64&distro=debian-12',
        source: { name: 'glibc', version: '2.36-9' },
      },
    ]);
  });

  test('knows files that were diverted for another package', () => {
    const counted = census({
      'usr/bin/x': 'new',
      'usr/bin/x.distrib': 'old',
      'var/lib/dpkg/status': STATUS.replaceAll('libc6', 'old'),
      'var/lib/dpkg/info/old.list': '/usr/bin/x\n',
      'var/lib/dpkg/diversions': '/usr/bin/x\n/usr/bin/x.distrib\nnew\n',
    });
    expect(owners(counted)).toMatchObject({
      'usr/bin/x': [undefined, 'os-package'],
      'usr/bin/x.distrib': ['deb:old:amd64', 'os-package'],
    });
  });

  test('reads the files of distroless', () => {
    const counted = census({
      'usr/lib/libz.so': 'z',
      'var/lib/dpkg/status.d/zlib1g': 'Package: zlib1g\nVersion: 1.2\nArchitecture: amd64\n',
      'var/lib/dpkg/status.d/zlib1g.md5sums': `${'0'.repeat(32)}  usr/lib/libz.so\n`,
    });
    expect(owners(counted)['usr/lib/libz.so']).toEqual(['deb:zlib1g:amd64', 'os-package']);
  });
});

test('apk owns the files of its database', () => {
  const counted = census({
    'lib/apk/db/installed':
      'C:Q1\nP:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\no:musl\np:so:libc.musl-x86_64.so.1=1\nF:lib\nR:ld.so\n\n' +
      'P:app\nV:1-r0\nD:so:libc.musl-x86_64.so.1 /bin/sh\nF:usr/bin\nR:app\n\n',
    'lib/ld.so': 'l',
    'usr/bin/app': 'a',
  });
  expect(owners(counted)).toMatchObject({
    'lib/ld.so': ['apk:musl', 'os-package'],
    'usr/bin/app': ['apk:app', 'os-package'],
  });
  expect(counted.packages.get('apk:app')).toMatchObject({ requires: ['apk:musl'] });
});

describe('npm', () => {
  const json = (value: object) => JSON.stringify(value, null, 2);
  const FILES = {
    'app/package.json': json({
      name: 'app',
      version: '1.0.0',
      dependencies: { a: '^1' },
      devDependencies: { d: '1' },
    }),
    'app/node_modules/a/package.json': json({ name: 'a', version: '1.2.3', dependencies: { b: '1' } }),
    'app/node_modules/a/index.js': 'a',
    'app/node_modules/a/test/fixtures/package.json': json({ name: 'not-a-package', version: '9' }),
    'app/node_modules/a/node_modules/b/package.json': json({ name: 'b', version: '2.0.0' }),
    'app/node_modules/b/package.json': json({ name: 'b', version: '1.0.0', license: 'MIT' }),
    'app/node_modules/@s/c/package.json': json({ name: '@s/c', version: '1.0.0' }),
    'app/node_modules/d/package.json': json({ name: 'd', version: '1.0.0', dependencies: { '@s/c': '1' } }),
    'app/node_modules/.bin/a': '->../a/index.js',
    'app/index.js': 'x',
  };

  test('packages are the directories directly below a node_modules, and the application', () => {
    const counted = census(FILES);
    expect([...counted.packages.values()].map(({ id, kind }) => `${id} ${kind}`).sort()).toEqual([
      'npm:@s/c@1.0.0:/app/node_modules/@s/c npm-dev',
      'npm:a@1.2.3:/app/node_modules/a npm',
      'npm:app@1.0.0:/app application',
      'npm:b@1.0.0:/app/node_modules/b npm',
      'npm:b@2.0.0:/app/node_modules/a/node_modules/b npm',
      'npm:d@1.0.0:/app/node_modules/d npm-dev',
    ]);
    expect(owners(counted)).toMatchObject({
      'app/node_modules/a/test/fixtures/package.json': ['npm:a@1.2.3:/app/node_modules/a', 'docs'],
      'app/node_modules/.bin/a': ['npm:a@1.2.3:/app/node_modules/a', 'npm'],
      'app/index.js': [undefined, 'application'],
    });
  });

  test('edges are those that Node resolves, from the nearest node_modules upwards', () => {
    const { packages } = census(FILES);
    expect(packages.get('npm:a@1.2.3:/app/node_modules/a')).toMatchObject({
      requires: ['npm:b@2.0.0:/app/node_modules/a/node_modules/b'],
      askedBy: { path: 'app/package.json', line: 5 },
    });
  });

  test("pnpm's store is followed through its links", () => {
    const counted = census({
      'app/package.json': json({ name: 'app', dependencies: { a: '1' } }),
      'app/node_modules/a': '->.pnpm/a@1.0.0/node_modules/a',
      'app/node_modules/.pnpm/a@1.0.0/node_modules/a/package.json': json({
        ...{ name: 'a', version: '1.0.0' },
        dependencies: { b: '1' },
      }),
      'app/node_modules/.pnpm/a@1.0.0/node_modules/b': '->../../b@1.0.0/node_modules/b',
      'app/node_modules/.pnpm/b@1.0.0/node_modules/b/package.json': json({ name: 'b', version: '1.0.0' }),
    });
    const a = 'npm:a@1.0.0:/app/node_modules/.pnpm/a@1.0.0/node_modules/a';
    const b = 'npm:b@1.0.0:/app/node_modules/.pnpm/b@1.0.0/node_modules/b';
    expect(counted.packages.get('npm:app@:/app')?.requires).toEqual([a]);
    expect(counted.packages.get(a)?.requires).toEqual([b]);
    expect(owners(counted)['app/node_modules/a']).toEqual([a, 'npm']);
  });

  test('package managers are tools, with all that they are made of', () => {
    const counted = census({
      'usr/local/lib/node_modules/npm/package.json': json({ name: 'npm', version: '10.0.0' }),
      'usr/local/lib/node_modules/npm/node_modules/x/package.json': json({ name: 'x', version: '1.0.0' }),
    });
    expect([...counted.packages.values()].map(({ kind }) => kind)).toEqual(['tool', 'tool']);
  });

  test.each(['{', '[]', 'null', '{"dependencies":{"a":1},"name":{}}', '{"__proto__":{"x":1}}'])(
    'a package.json of %s is no reason to fail',
    (text) => {
      const counted = census({ 'app/node_modules/a/package.json': text, 'app/package.json': text });
      expect(counted.leaves.size).toBe(2);
    },
  );
});
