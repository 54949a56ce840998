import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { describeSbom } from '../../src/index.ts';
import type { Bill, Component } from '../../src/sbom/bill.ts';
import { run, works } from '../support/peers.ts';
import { spdxViolations } from '../support/spdx-rules.ts';
import { tempDir } from '../support/temp-dir.ts';

const STATUS = '/var/lib/dpkg/status';
const HAS_DPKG = works('dpkg-query', '--version') && works('apt-cache', '--version');
const HAS_VENV = works('/usr/bin/python3', '-c', 'import venv, ensurepip');
const HAS_GO = works('go', 'version');
const TIME = { timeout: 120_000 };

async function componentsOf(folder: string, type: string): Promise<Component[]> {
  const bill = (await describeSbom(`dir:${folder}`, { format: 'json', home: tempDir() })) as Bill;
  return bill.components.filter((one) => one.type === type);
}

describe.skipIf(!HAS_DPKG)('packages of this Debian', TIME, () => {
  test('are those of dpkg-query -W, and depend on those of apt-cache depends', async () => {
    const folder = tempDir();
    mkdirSync(join(folder, 'var/lib/dpkg'), { recursive: true });
    copyFileSync(STATUS, join(folder, STATUS));
    const document = await describeSbom(`dir:${folder}`, { home: tempDir(), files: true });
    expect(spdxViolations(document)).toEqual([]);
    const found = await componentsOf(folder, 'deb');
    const names = found.map(({ id, version }) => `${id.replace(/^deb:/, '')} ${version}`);
    const format = '${db:Status-Status} ${Package} ${Architecture} ${Version}\n';
    const listed = run('dpkg-query', [`--admindir=${folder}/var/lib/dpkg`, '-W', `-f=${format}`])
      .split('\n')
      .flatMap((line) => {
        const [status, name, architecture, version] = line.split(' ');
        if (version === undefined || status === 'config-files' || status === 'not-installed') return [];
        return [`${name}${architecture === 'all' ? '' : `:${architecture}`} ${version}`];
      });
    expect(listed.length).toBeGreaterThan(50);
    expect(names.sort()).toEqual(listed.sort());

    const nameOf = new Map(found.map(({ id, name }) => [id, name]));
    const installed = new Set(nameOf.values());
    const edges = found.flatMap(({ name, requires }) => requires.map((id) => `${name} → ${nameOf.get(id)}`));
    const expected = aptEdges(folder, [...installed]).filter((edge) => {
      const [from, to] = edge.split(' → ') as [string, string];
      return from !== to && installed.has(to);
    });
    expect(expected.length).toBeGreaterThan(100);
    expect([...new Set(edges)].sort()).toEqual([...new Set(expected)].sort());
  });
});

/** What packages depend on, with all that provides a virtual package. */
function aptEdges(folder: string, names: readonly string[]): string[] {
  const none = join(folder, 'none');
  mkdirSync(none);
  const options = [
    `Dir::State::status=${join(folder, STATUS)}`,
    `Dir::State::lists=${none}`,
    `Dir::Cache=${none}`,
  ];
  const kinds = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'];
  const text = run('apt-cache', [
    ...options.flatMap((option) => ['-o', option]),
    'depends',
    ...kinds.map((kind) => `--no-${kind}`),
    ...names,
  ]);
  let from = '';
  return text.split('\n').flatMap((line) => {
    const [, name] = /^(\S+)$/.exec(line) ?? [];
    if (name !== undefined) from = name;
    const [, to] = /^(?: [ |](?:Pre)?Depends: | {4})<?([^\s>]+)>?$/.exec(line) ?? [];
    return to === undefined ? [] : [`${from} → ${to}`.replaceAll(/:[a-z0-9]+/g, '')];
  });
}

describe.skipIf(!HAS_VENV)("a virtual environment of Debian's Python", TIME, () => {
  test('has the packages of pip list, which depend on those of pip show', async () => {
    const folder = tempDir();
    execFileSync('/usr/bin/python3', ['-m', 'venv', folder], { stdio: 'ignore' });
    const python = join(folder, 'bin/python');
    const [site] = JSON.parse(
      run(python, ['-c', 'import json, site; print(json.dumps(site.getsitepackages()))']),
    ) as [string];
    const add = (name: string, path: string, requires: string[]) => {
      mkdirSync(join(site, path, '..'), { recursive: true });
      const lines = ['Metadata-Version: 2.1', `Name: ${name}`, 'Version: 1.0.post1'];
      writeFileSync(
        join(site, path),
        [...lines, ...requires.map((one) => `Requires-Dist: ${one}`), ''].join('\n'),
      );
    };
    add('Flask.Like', 'Flask_Like-1.0.post1.dist-info/METADATA', [
      'click_like>=8',
      'zope.x (>1)',
      'lib-x[fast]; python_version >= "3.8"',
    ]);
    add('click-like', 'click_like-1.0.post1.dist-info/METADATA', [
      'colour-like; sys_platform == "win32"',
      'lib_x; extra == "fast"',
    ]);
    add('zope.x', 'zope.x-1.0.post1.dist-info/METADATA', [
      'not-there',
      'colour-like; platform_system != "Windows" and (os_name == "posix" or extra == "c")',
    ]);
    add('lib_x', 'lib_x-1.0.post1.dist-info/METADATA', ['click-like ; python_version < "3"']);
    add('colour-like', 'colour_like-1.0.post1.egg-info/PKG-INFO', []);
    const pip = (...args: string[]) => run(python, ['-m', 'pip', '--disable-pip-version-check', ...args]);
    const listed = JSON.parse(pip('list', '--format=json')) as { name: string; version: string }[];
    const found = await componentsOf(folder, 'pypi');
    const plain = (name: string) => name.toLowerCase().replaceAll(/[-_.]+/g, '-');
    expect(found.map(({ name, version }) => `${name} ${version}`).sort()).toEqual(
      listed.map(({ name, version }) => `${plain(name)} ${version}`).sort(),
    );
    expect(listed.length).toBeGreaterThan(5);
    const nameOf = new Map(found.map(({ id, name }) => [id, name]));
    const shown = pip('show', ...listed.map(({ name }) => name)).split(/^---$/m);
    const expected = shown.flatMap((text) => {
      const [, from = ''] = /^Name: (.*)$/m.exec(text) ?? [];
      const [, requires = ''] = /^Requires: (.*)$/m.exec(text) ?? [];
      return requires
        .split(', ')
        .filter((to) => to !== '' && to !== 'not-there')
        .map((to) => `${plain(from)} → ${plain(to)}`);
    });
    expect(expected.length).toBeGreaterThan(3);
    expect(
      found.flatMap(({ name, requires }) => requires.map((id) => `${name} → ${nameOf.get(id)}`)).sort(),
    ).toEqual(expected.sort());
  });
});

describe.skipIf(!HAS_GO)('a program made by Go', TIME, () => {
  test('has the modules of go version -m', async () => {
    const folder = tempDir();
    const write = (path: string, text: string) => {
      mkdirSync(join(folder, 'source', path, '..'), { recursive: true });
      writeFileSync(join(folder, 'source', path), text);
    };
    write(
      'go.mod',
      `module example.com/app

go 1.18

require example.com/one v1.2.3

require example.com/Two/v2 v2.0.1 // indirect

replace example.com/one => ./one

replace example.com/Two/v2 => ./two
`,
    );
    write('main.go', 'package main\n\nimport "example.com/one"\n\nfunc main() { println(one.X) }\n');
    write('one/go.mod', 'module example.com/one\n\ngo 1.18\n\nrequire example.com/Two/v2 v2.0.1\n');
    write('one/one.go', 'package one\n\nimport two "example.com/Two/v2"\n\nconst X = two.X\n');
    write('two/go.mod', 'module example.com/Two/v2\n\ngo 1.18\n');
    write('two/two.go', 'package two\n\nconst X = 1\n');
    const root = join(folder, 'root');
    const program = join(root, 'usr/bin/app');
    const env = { ...process.env, GOFLAGS: '-mod=mod', GOPROXY: 'off', GOCACHE: join(folder, 'cache') };
    execFileSync('go', ['build', '-o', program, '.'], { cwd: join(folder, 'source'), env });
    const [head, ...lines] = run('go', ['version', '-m', program]).split('\n');
    const fields = lines.map((line) => line.trim().split('\t'));
    const expected = fields.flatMap(([kind, name, version], at) => {
      if (kind !== 'mod' && kind !== 'dep') return [];
      // Of a replaced module another one is in the program.
      const [next, by, of] = fields[at + 1] ?? [];
      return [next === '=>' ? `${by} ${of}` : `${name} ${version}`];
    });
    expect(expected).toHaveLength(3);
    const found = (await componentsOf(root, 'golang')).map(({ name, version }) => `${name} ${version}`);
    const [, go = ''] = /: go(\S+)$/.exec(head!) ?? [];
    expect(found.sort()).toEqual([...expected, `stdlib ${go}`].sort());
  });
});
