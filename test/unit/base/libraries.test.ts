import { describe, expect, test } from 'vitest';
import { readElf } from '../../../src/base/elf.ts';
import { findLibraries, type Machine } from '../../../src/base/libraries.ts';
import { type FakeElf, fakeElf } from './fake-elf.ts';

/** A machine of made files: ELF files as objects, texts as strings; `links` maps directories. */
function machine(files: Record<string, FakeElf | string>, links: Record<string, string> = {}): Machine {
  const real = (path: string) => {
    for (const [from, to] of Object.entries(links)) {
      if (path === from || path.startsWith(`${from}/`)) return to + path.slice(from.length);
    }
    return path;
  };
  return {
    elf(path) {
      const file = files[real(path)];
      if (typeof file !== 'object') return undefined;
      const bytes = fakeElf(file);
      return readElf((offset, length) => bytes.subarray(offset, offset + length));
    },
    real,
    text(path) {
      const file = files[real(path)];
      return typeof file === 'string' ? file : undefined;
    },
    names: (path) =>
      Object.keys(files)
        .filter((name) => name.startsWith(`${path}/`))
        .map((name) => name.slice(path.length + 1))
        .sort(),
  };
}

const paths = (files: Record<string, FakeElf | string>, links?: Record<string, string>) =>
  findLibraries(['/bin/app'], machine(files, links)).libraries.map(({ path, by }) => `${by} ${path}`);

describe('findLibraries', () => {
  test('finds needs of needs, each once, and the loader', () => {
    const needs = findLibraries(
      ['/bin/app', '/bin/other'],
      machine({
        '/bin/app': { interpreter: '/lib64/ld-linux-x86-64.so.2', needed: ['liba.so', 'libc.so.6'] },
        '/bin/other': { interpreter: '/lib64/ld-linux-x86-64.so.2', needed: ['libc.so.6'] },
        '/usr/lib/x86_64-linux-gnu/liba.so': { needed: ['libb.so', 'libc.so.6'] },
        '/usr/lib/libb.so': { needed: ['liba.so'] },
        '/lib/x86_64-linux-gnu/libc.so.6': {},
      }),
    );
    expect(needs).toEqual({
      interpreters: ['/lib64/ld-linux-x86-64.so.2'],
      libraries: [
        { name: 'libc.so.6', path: '/lib/x86_64-linux-gnu/libc.so.6', by: 'default' },
        { name: 'libb.so', path: '/usr/lib/libb.so', by: 'default' },
        { name: 'liba.so', path: '/usr/lib/x86_64-linux-gnu/liba.so', by: 'default' },
      ],
      missing: [],
    });
  });

  test('RUNPATH applies to its own file only, RPATH also to its libraries', () => {
    const files = (path: 'rpath' | 'runpath') => ({
      '/bin/app': { needed: ['liba.so'], [path]: '/opt' },
      '/opt/liba.so': { needed: ['libb.so'] },
      '/opt/libb.so': {},
      '/usr/lib/libb.so': {},
    });
    expect(paths(files('runpath'))).toEqual(['absolute /opt/liba.so', 'default /usr/lib/libb.so']);
    expect(paths(files('rpath'))).toEqual(['absolute /opt/liba.so', 'absolute /opt/libb.so']);
  });

  test('a RUNPATH switches the RPATH off', () => {
    const files = {
      '/bin/app': { needed: ['liba.so'], rpath: '/one', runpath: '/two' },
      '/one/liba.so': {},
      '/two/liba.so': {},
    };
    expect(paths(files)).toEqual(['absolute /two/liba.so']);
  });

  test('$ORIGIN is the directory of the real file', () => {
    const files = {
      '/opt/node/bin/app': { needed: ['liba.so'], runpath: '${ORIGIN}/../lib' },
      '/opt/node/lib/liba.so': { needed: ['libb.so'], runpath: '$ORIGIN' },
      '/opt/node/lib/libb.so': {},
    };
    expect(paths(files, { '/bin/app': '/opt/node/bin/app' })).toEqual([
      'origin /opt/node/lib/liba.so',
      'origin /opt/node/lib/libb.so',
    ]);
  });

  test('libraries of another architecture are passed over', () => {
    const files = {
      '/bin/app': { needed: ['liba.so', 'libb.so'] },
      '/lib/x86_64-linux-gnu/liba.so': { bits: 32 as const },
      '/usr/lib/x86_64-linux-gnu/liba.so': { machine: 183 },
      '/lib64/liba.so': {},
      '/lib/x86_64-linux-gnu/libb.so': 'GROUP ( libb.so.1 )',
      '/usr/lib/libb.so': {},
    };
    expect(paths(files)).toEqual(['default /lib64/liba.so', 'default /usr/lib/libb.so']);
  });

  test('ld.so.conf comes before the standard directories and may include files', () => {
    const files = {
      '/etc/ld.so.conf': 'include ld.so.conf.d/*.conf # the rest\n/srv/lib\n',
      '/etc/ld.so.conf.d/b.conf': '# Multiarch\n/usr/lib/x86_64-linux-gnu\n',
      '/etc/ld.so.conf.d/a.conf': '/opt/lib\n',
      '/etc/ld.so.conf.d/ignored.txt': '/never\n',
      '/bin/app': { needed: ['liba.so', 'libb.so', 'libc.so'] },
      '/opt/lib/liba.so': {},
      '/usr/lib/liba.so': {},
      '/usr/lib/x86_64-linux-gnu/libb.so': {},
      '/srv/lib/libc.so': {},
      '/never/libc.so': {},
    };
    expect(paths(files)).toEqual([
      'configured /opt/lib/liba.so',
      'configured /srv/lib/libc.so',
      'default /usr/lib/x86_64-linux-gnu/libb.so',
    ]);
  });

  test('a configured directory that is a standard one by another name needs no cache', () => {
    const files = {
      '/etc/ld.so.conf': '/lib/x86_64-linux-gnu\n',
      '/bin/app': { needed: ['liba.so'] },
      '/usr/lib/x86_64-linux-gnu/liba.so': {},
    };
    expect(paths(files, { '/lib': '/usr/lib' })).toEqual(['default /lib/x86_64-linux-gnu/liba.so']);
  });

  test("musl's loader has its own list", () => {
    const app = { interpreter: '/lib/ld-musl-x86_64.so.1', needed: ['liba.so'] };
    const files = {
      '/etc/ld.so.conf': '/srv/lib\n',
      '/bin/app': app,
      '/srv/lib/liba.so': {},
      '/opt/lib/liba.so': {},
      '/usr/lib/liba.so': {},
    };
    expect(paths(files)).toEqual(['default /usr/lib/liba.so']);
    expect(paths({ ...files, '/etc/ld-musl-x86_64.path': '/opt/lib:/usr/lib\n' })).toEqual([
      'default /opt/lib/liba.so',
    ]);
  });

  test('reports missing libraries with their file; a file that is not a program needs none', () => {
    const files = { '/bin/app': { needed: ['libgone.so.1', '/opt/plugin.so'] }, '/opt/plugin.so': {} };
    const needs = findLibraries(
      ['/bin/app', '/bin/script', '/nowhere'],
      machine({ ...files, '/bin/script': '#!' }),
    );
    expect(needs.missing).toEqual([{ name: 'libgone.so.1', file: '/bin/app' }]);
    expect(needs.libraries).toEqual([{ name: '/opt/plugin.so', path: '/opt/plugin.so', by: 'absolute' }]);
  });
});
