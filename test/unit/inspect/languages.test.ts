import { describe, expect, test } from 'vitest';
import { zipOf } from '../../support/zip.ts';
import { imageOf, owners } from './image-of-files.ts';

describe('python', () => {
  const SITE = 'app/venv/lib/python3.12/site-packages';
  const FILES = {
    'app/venv/pyvenv.cfg': 'home = /usr/local/bin\nversion = 3.12.4\n',
    'app/venv/bin/python': '->/usr/local/bin/python3.12',
    'app/venv/bin/flask': '#!python',
    [`${SITE}/flask/app.py`]: 'a',
    [`${SITE}/flask/__pycache__/app.cpython-312.pyc`]: 'c',
    [`${SITE}/flask/__pycache__/app.cpython-312.opt-1.pyc`]: 'c1',
    [`${SITE}/flask-3.0.dist-info/METADATA`]:
      'Metadata-Version: 2.1\nName: Flask\nVersion: 3.0\nLicense: BSD\nRequires-Dist: Zope.Interface>=1\nRequires-Dist: x; extra == "y"\n\nName: not\n',
    [`${SITE}/flask-3.0.dist-info/RECORD`]:
      'flask/app.py,sha256=x,1\n../../../bin/flask,,\n"flask/a,b.py",,\n../../../../../etc/passwd,,\n',
    [`${SITE}/flask/a,b.py`]: 'd',
    [`${SITE}/zope.interface-5.egg-info/PKG-INFO`]: 'Name: zope.interface\nVersion: 5\n\n',
    [`${SITE}/zope.interface-5.egg-info/top_level.txt`]: 'zope\n',
    [`${SITE}/zope/x.py`]: 'z',
    [`${SITE}/loose.py`]: 'l',
  };

  test('packages own listed files, and those compiled from them', () => {
    const counted = imageOf(FILES);
    const flask = [`pypi:flask@3.0:/${SITE}/flask-3.0.dist-info`, 'python'];
    const zope = `pypi:zope-interface@5:/${SITE}/zope.interface-5.egg-info`;
    expect(owners(counted)).toEqual({
      'app/venv/bin/flask': flask,
      'app/venv/bin/python': [undefined, 'python'],
      'app/venv/pyvenv.cfg': [undefined, 'python'],
      [`${SITE}/flask/app.py`]: flask,
      [`${SITE}/flask/a,b.py`]: flask,
      [`${SITE}/flask/__pycache__/app.cpython-312.pyc`]: flask,
      [`${SITE}/flask/__pycache__/app.cpython-312.opt-1.pyc`]: flask,
      [`${SITE}/flask-3.0.dist-info/METADATA`]: flask,
      [`${SITE}/flask-3.0.dist-info/RECORD`]: flask,
      [`${SITE}/zope.interface-5.egg-info/PKG-INFO`]: [zope, 'python'],
      [`${SITE}/zope.interface-5.egg-info/top_level.txt`]: [zope, 'python'],
      [`${SITE}/zope/x.py`]: [zope, 'python'],
      [`${SITE}/loose.py`]: [undefined, 'python'],
    });
    expect(counted.packages.get(flask[0]!)).toMatchObject({ requires: [zope], license: 'BSD' });
  });

  test('Python itself, where no package of the distribution has it', () => {
    const counted = imageOf({
      'usr/local/bin/python3.12': 'p',
      'usr/local/bin/python3': '->python3.12',
      'usr/local/lib/python3.12/os.py': 'o',
      'usr/local/lib/python3.12/json/decoder.py': 'j',
      'usr/local/include/python3.12/patchlevel.h': '#define PY_VERSION              "3.12.4"\n',
      'usr/local/bin/pip': 'x',
    });
    const id = 'generic:python@3.12.4:/usr/local/bin/python3.12';
    expect(owners(counted)).toMatchObject({
      'usr/local/bin/python3': [id, 'runtime'],
      'usr/local/lib/python3.12/json/decoder.py': [id, 'runtime'],
      'usr/local/bin/pip': [undefined, 'unowned'],
    });
  });
});

describe('java', () => {
  const pom = (name: string, version: string) => ({
    [`META-INF/maven/org.acme/${name}/pom.properties`]: `#x\nversion=${version}\ngroupId=org.acme\nartifactId=${name}\n`,
  });

  test('archives, and the archives in them, packed or not', () => {
    const inner = zipOf({ 'META-INF/MANIFEST.MF': 'Manifest-Version: 1.0\nImplementation-Version: 9\n' });
    const stored = zipOf(
      { 'BOOT-INF/lib/lib-a-2.1.jar': zipOf(pom('lib-a', '2.1')), ...pom('shop', '1.0') },
      { stored: true },
    );
    const packed = zipOf({ 'WEB-INF/lib/b.jar': inner, 'x.class': 'x' });
    const counted = imageOf({
      'opt/shop-1.0.jar': stored,
      'opt/site-3.war': packed,
      'opt/c.jar': Buffer.from('no'),
    });
    expect([...counted.packages.values()].map(({ purl, path, partOf }) => [purl, path, partOf])).toEqual([
      ['pkg:maven/org.acme/shop@1.0', 'opt/shop-1.0.jar', undefined],
      [
        'pkg:maven/org.acme/lib-a@2.1',
        'opt/shop-1.0.jar!/BOOT-INF/lib/lib-a-2.1.jar',
        'maven:org.acme:shop@1.0:/opt/shop-1.0.jar',
      ],
      ['pkg:maven/site@3', 'opt/site-3.war', undefined],
      ['pkg:maven/b@9', 'opt/site-3.war!/WEB-INF/lib/b.jar', 'maven:site@3:/opt/site-3.war'],
    ]);
    expect(owners(counted)).toEqual({
      'opt/shop-1.0.jar': ['maven:org.acme:shop@1.0:/opt/shop-1.0.jar', 'java'],
      'opt/site-3.war': ['maven:site@3:/opt/site-3.war', 'java'],
      'opt/c.jar': [undefined, 'unowned'],
    });
  });

  test('a damaged archive is none', () => {
    const whole = zipOf(pom('a', '1'));
    for (let at = 0; at < whole.length; at++) {
      const damaged = Buffer.from(whole);
      damaged[at]! ^= 0xff;
      expect(imageOf({ 'a.jar': damaged }).leaves.size).toBe(1);
      expect(imageOf({ 'a.jar': whole.subarray(0, at) }).leaves.size).toBe(1);
    }
  });

  test('Java itself', () => {
    const counted = imageOf({
      'opt/jre/release': 'IMPLEMENTOR="Eclipse Adoptium"\nJAVA_VERSION="21.0.2"\n',
      'opt/jre/bin/java': 'j',
    });
    expect(owners(counted)['opt/jre/bin/java']).toEqual(['generic:java@21.0.2:/opt/jre', 'runtime']);
  });
});

describe("yarn's Plug'n'Play", () => {
  const zip = (name: string, version: string) =>
    zipOf({ [`node_modules/${name}/package.json`]: JSON.stringify({ name, version, license: 'MIT' }) });
  const DATA = {
    packageRegistryData: [
      [
        null,
        [[null, { packageLocation: './', packageDependencies: [['a', 'npm:1.0.0']], linkType: 'SOFT' }]],
      ],
      [
        'app',
        [
          [
            'workspace:.',
            {
              packageLocation: './',
              packageDependencies: [
                ['a', 'npm:1.0.0'],
                ['d', ['e', 'npm:3.0.0']],
                ['peer', null],
              ],
              linkType: 'SOFT',
            },
          ],
        ],
      ],
      [
        'a',
        [
          [
            'npm:1.0.0',
            {
              packageLocation: './.yarn/__virtual__/a-virtual-1/0/cache/a-npm-1.0.0-x-y.zip/node_modules/a/',
              packageDependencies: [['@s/b', 'npm:2.0.0']],
              linkType: 'HARD',
            },
          ],
        ],
      ],
      [
        '@s/b',
        [
          [
            'npm:2.0.0',
            {
              packageLocation: './.yarn/cache/@s-b-npm-2.0.0-x-y.zip/node_modules/@s/b/',
              packageDependencies: [],
              linkType: 'HARD',
            },
          ],
        ],
      ],
      [
        'e',
        [
          [
            'npm:3.0.0',
            {
              packageLocation: './.yarn/cache/e-npm-3.0.0-x-y.zip/node_modules/e/',
              packageDependencies: [['@s/b', 'npm:2.0.0']],
              linkType: 'HARD',
            },
          ],
        ],
      ],
    ],
  };
  const FILES = {
    'app/package.json': JSON.stringify(
      { name: 'app', version: '1.0.0', dependencies: { a: '1' }, devDependencies: { d: '3' } },
      null,
      1,
    ),
    'app/.yarn/cache/a-npm-1.0.0-x-y.zip': zip('a', '1.0.0'),
    'app/.yarn/cache/@s-b-npm-2.0.0-x-y.zip': zip('@s/b', '2.0.0'),
    'app/.yarn/cache/e-npm-3.0.0-x-y.zip': zip('e', '3.0.0'),
    'app/.yarn/releases/yarn-4.1.0.cjs': 'y',
    'app/.yarn/install-state.gz': 'i',
  };
  const idOf = (name: string, file: string) => `npm:${name}:/app/.yarn/cache/${file}-x-y.zip`;

  test.each([
    ['.pnp.data.json', JSON.stringify(DATA)],
    [
      '.pnp.cjs',
      `const RAW_RUNTIME_STATE =\n'${JSON.stringify(DATA, null, 1).replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\\n')}';\nfunction $$SETUP_STATE() {}`,
    ],
    [
      '.pnp.cjs',
      `function $$SETUP_STATE(hydrateRuntimeState, basePath) {\n  return hydrateRuntimeState(${JSON.stringify(DATA)}, {basePath: basePath || __dirname});\n}`,
    ],
  ])('%s', (name, text) => {
    const counted = imageOf({ ...FILES, [`app/${name}`]: text });
    const a = idOf('a@1.0.0', 'a-npm-1.0.0');
    const b = idOf('@s/b@2.0.0', '@s-b-npm-2.0.0');
    const e = idOf('e@3.0.0', 'e-npm-3.0.0');
    expect(owners(counted)).toEqual({
      [`app/${name}`]: [undefined, 'npm'],
      'app/.yarn/cache/@s-b-npm-2.0.0-x-y.zip': [b, 'npm'],
      'app/.yarn/cache/a-npm-1.0.0-x-y.zip': [a, 'npm'],
      'app/.yarn/cache/e-npm-3.0.0-x-y.zip': [e, 'npm-dev'],
      'app/.yarn/install-state.gz': [undefined, 'cache'],
      'app/.yarn/releases/yarn-4.1.0.cjs': ['npm:yarn@4.1.0:/app/.yarn/releases/yarn-4.1.0.cjs', 'tool'],
      'app/package.json': [undefined, 'application'],
    });
    expect(counted.packages.get('npm:app@1.0.0:/app')?.requires).toEqual([a, e]);
    expect(counted.packages.get(a)).toMatchObject({
      requires: [b],
      askedBy: { path: 'app/package.json', line: 5 },
    });
    expect(counted.packages.get(e)).toMatchObject({ requires: [b], dev: true });
  });

  test('what is in the cache only, for other platforms or as a copy of what is unpacked, is for what needs it', () => {
    const one = (name: string, reference: string, location: string, needs: [string, string][]) => [
      name,
      [[reference, { packageLocation: location, packageDependencies: needs, linkType: 'HARD' }]],
    ];
    const [, root] = DATA.packageRegistryData;
    const patch = 'patch:f@npm%3A4.0.0#optional!builtin<compat/f>::version=4.0.0';
    const packageRegistryData = [
      root,
      one('e', 'npm:3.0.0', './.yarn/cache/e-npm-3.0.0-x-y.zip/node_modules/e/', [['f', patch]]),
      one('f', patch, './.yarn/unplugged/f-patch-1/node_modules/f/', [['g', 'npm:5.0.0']]),
      one('g', 'npm:5.0.0', './.yarn/unplugged/g-npm-5.0.0-x/node_modules/g/', []),
    ];
    const unpacked = 'app/.yarn/unplugged/g-npm-5.0.0-x/node_modules/g';
    const { packages } = imageOf({
      ...FILES,
      'app/.pnp.data.json': JSON.stringify({ packageRegistryData }),
      'app/.yarn/cache/f-npm-4.0.0-x-y.zip': zip('f', '4.0.0'),
      'app/.yarn/cache/g-npm-5.0.0-x-y.zip': zip('g', '5.0.0'),
      [`${unpacked}/package.json`]: JSON.stringify({ name: 'g', version: '5.0.0' }),
    });
    const f = idOf('f@4.0.0', 'f-npm-4.0.0');
    expect(packages.get(idOf('e@3.0.0', 'e-npm-3.0.0'))).toMatchObject({ requires: [f], dev: true });
    expect(packages.get(f)).toMatchObject({ requires: [`npm:g@5.0.0:/${unpacked}`], dev: true });
    expect(packages.get(`npm:g@5.0.0:/${unpacked}`)).toMatchObject({ dev: true });
    expect(packages.get(idOf('g@5.0.0', 'g-npm-5.0.0'))).toMatchObject({ dev: true });
  });

  test.each([
    '{',
    '[]',
    '{"packageRegistryData":[[1],[null,[[]]],["a",[["b",null],["c",{"packageLocation":1}]]]]}',
  ])('a list of %s is no reason to fail', (text) => {
    expect(imageOf({ ...FILES, '.pnp.data.json': text }).leaves.size).toBe(7);
  });
});
