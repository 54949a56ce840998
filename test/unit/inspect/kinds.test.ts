import { expect, test } from 'vitest';
import { destinationOf, instructionsOf } from '../../../src/inspect/instructions.ts';
import { imageOf, owners } from './image-of-files.ts';

const kinds = (...args: Parameters<typeof imageOf>) =>
  Object.fromEntries([...imageOf(...args).leaves].map(([path, { kind }]) => [path, kind]));

/** What `next build` leaves with `output: 'standalone'`, of which a Dockerfile copies three folders into one. */
test('a standalone app of Next.js is an application, what was built of it, and packages for production', () => {
  const manifest = (value: object) => JSON.stringify(value);
  const counted = imageOf(
    {
      'app/package.json': manifest({
        name: 'shop',
        version: '1.0.0',
        private: true,
        dependencies: { next: '^16.4.6' },
        devDependencies: { typescript: '^6.0.0' },
      }),
      'app/server.js': 's',
      'app/public/robots.txt': 'r',
      'app/.next/package.json': manifest({ type: 'commonjs' }),
      'app/.next/BUILD_ID': 'b',
      'app/.next/static/chunks/main.js': 'm',
      'app/.next/server/app/page.js': 'p',
      'app/.next/server/app/page.js.map': 'm',
      'app/.next/cache/fetch-cache/x': 'c',
      'app/node_modules/next/package.json': manifest({
        name: 'next',
        version: '16.4.6',
        dependencies: { 'styled-jsx': '5.1.6' },
        optionalDependencies: { sharp: '^0.35.0' },
      }),
      'app/node_modules/next/dist/server/next.js': 'n',
      'app/node_modules/next/dist/compiled/ws/package.json': manifest({ name: 'ws', main: 'index.js' }),
      'app/node_modules/next/dist/compiled/ws/index.js': 'w',
      'app/node_modules/styled-jsx/package.json': manifest({ name: 'styled-jsx', version: '5.1.6' }),
      'app/node_modules/styled-jsx/index.js': 'j',
      'app/node_modules/sharp/package.json': manifest({ name: 'sharp', version: '0.35.5' }),
      'app/node_modules/sharp/lib/index.js': 'h',
    },
    { workingDirectory: 'app' },
  );
  const [next, jsx, sharp] = ['next@16.4.6', 'styled-jsx@5.1.6', 'sharp@0.35.5'].map((id) => {
    const path = `/app/node_modules/${id.split('@')[0]}`;
    return [`npm:${id}:${path}`, 'npm'];
  });
  expect(owners(counted)).toMatchObject({
    'app/server.js': [undefined, 'application'],
    'app/public/robots.txt': [undefined, 'application'],
    'app/.next/package.json': [undefined, 'build-output'],
    'app/.next/BUILD_ID': [undefined, 'build-output'],
    'app/.next/static/chunks/main.js': [undefined, 'build-output'],
    'app/.next/server/app/page.js': [undefined, 'build-output'],
    'app/.next/server/app/page.js.map': [undefined, 'docs'],
    'app/.next/cache/fetch-cache/x': [undefined, 'cache'],
    'app/node_modules/next/dist/server/next.js': next,
    'app/node_modules/next/dist/compiled/ws/package.json': next,
    'app/node_modules/next/dist/compiled/ws/index.js': next,
    'app/node_modules/styled-jsx/index.js': jsx,
    'app/node_modules/sharp/lib/index.js': sharp,
  });
  expect([...counted.leaves.values()].filter(({ kind }) => kind === 'unowned')).toEqual([]);
});

test('what was copied somewhere is an application, but not among the files of the system', () => {
  const files = { 'public/index.html': 'i', 'public/dist/a.js': 'a', 'srv/x': 'x', 'etc/app.conf': 'c' };
  expect(kinds(files, { destination: 'public' })).toEqual({
    'public/index.html': 'application',
    'public/dist/a.js': 'build-output',
    'srv/x': 'unowned',
    'etc/app.conf': 'unowned',
  });
  expect(kinds({ server: 's' }, { destination: 'server' })).toEqual({ server: 'application' });
  expect(kinds({ 'etc/app.conf': 'c' }, { destination: 'etc' })).toEqual({ 'etc/app.conf': 'unowned' });
  expect(kinds({ server: 's' })).toEqual({ server: 'unowned' });
});

test.each([
  ['COPY public/*.html public/*.css /public/ # buildkit', 'public'],
  ['COPY a b /srv/www', 'srv/www'],
  ['/bin/sh -c #(nop) COPY dir:abc in /srv/www ', 'srv/www'],
  ['ADD rootfs.tar.xz / # buildkit', undefined],
  ['/bin/sh -c #(nop) ADD file:abc in / ', undefined],
  ['COPY . . # buildkit', undefined],
  ['RUN /bin/sh -c cp a /srv', undefined],
])('%j puts files into %j', (created_by, destination) => {
  const config = { history: [{ created_by }], rootfs: { type: 'layers' as const, diff_ids: [] } };
  const [instruction] = instructionsOf({ os: 'linux', architecture: 'amd64', ...config }, 1);
  expect(destinationOf(instruction!)).toBe(destination);
});

test.each([
  'usr/lib64/ld-linux-x86-64.so.2',
  'lib/aarch64-linux-gnu/ld-linux-aarch64.so.1',
  'lib/ld-musl-x86_64.so.1',
])('libraries of a system without a package database are known by its loader %s', (loader) => {
  const system = { 'usr/lib/libm.so.6': 'm', 'etc/passwd': 'root', 'srv/data': 'd' };
  expect(kinds({ ...system, [loader]: 'l' })).toMatchObject({
    [loader]: 'os-package',
    'usr/lib/libm.so.6': 'os-package',
    'etc/passwd': 'os-package',
    'srv/data': 'unowned',
  });
  expect(kinds(system)).toMatchObject({ 'usr/lib/libm.so.6': 'unowned', 'etc/passwd': 'unowned' });
});
