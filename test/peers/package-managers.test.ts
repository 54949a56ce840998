import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it, type TestContext } from 'vitest';
import { describeImage } from '../../src/index.ts';
import { works } from '../support/peers.ts';
import { tempDir, writeFiles } from '../support/temp-dir.ts';

const TIME = { timeout: 600_000 };
const EXPRESS = { express: '4.18.2' };
const MOCHA = { mocha: '10.2.0' };

/** Needs npm's registry: only where somebody asks for it. */
function needsRegistry(ctx: TestContext): void {
  if (!process.env['JETTISON_EXAMPLES']) ctx.skip('JETTISON_EXAMPLES is not set');
}

function project(files: Record<string, object | string>) {
  const folder = tempDir();
  const texts = Object.entries(files).map(([name, content]) => [
    name,
    typeof content === 'string' ? content : JSON.stringify(content),
  ]);
  writeFiles(folder, Object.fromEntries(texts));
  const env = { ...process.env, CI: '1', NEXT_TELEMETRY_DISABLED: '1', YARN_ENABLE_IMMUTABLE_INSTALLS: '0' };
  const run = (program: string, ...args: string[]) =>
    execFileSync(program, args, { cwd: folder, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const look = (below = '.') =>
    describeImage(`dir:${join(folder, below)}`, { home: join(folder, '..', 'store'), env: {}, files: true });
  return { folder, run, look };
}

const named = ({ name, version }: { name: string; version: string }) => `${name}@${version}`;
const namesOf = (packages: readonly { type: string; name: string; version: string }[], type: string) =>
  [...new Set(packages.filter((one) => one.type === type).map(named))].sort();

interface Listed {
  name?: string;
  from?: string;
  version: string;
  dependencies?: Record<string, Listed>;
  devDependencies?: Record<string, Listed>;
}

it('packages of a workspace of pnpm are those of `pnpm list`', TIME, async (ctx) => {
  needsRegistry(ctx);
  const { run, look } = project({
    'package.json': { name: 'root', version: '1.0.0', private: true, devDependencies: { semver: '7.6.0' } },
    'pnpm-workspace.yaml': 'packages:\n  - packages/*\n',
    'packages/a/package.json': {
      name: 'a',
      version: '1.0.0',
      dependencies: { ...EXPRESS, b: 'workspace:*' },
    },
    'packages/b/package.json': { name: 'b', version: '1.0.0', devDependencies: MOCHA },
  });
  run('npx', '-y', 'pnpm@9', 'install');
  const workspaces = JSON.parse(
    run('npx', '-y', 'pnpm@9', 'list', '-r', '--depth', 'Infinity', '--json'),
  ) as Listed[];
  const all = new Set(workspaces.map(({ name, version }) => `${name}@${version}`));
  const production = new Set<string>();
  const walk = (of: Record<string, Listed> | undefined, into: Set<string>) => {
    for (const [name, one] of Object.entries(of ?? {})) {
      if (one.version.startsWith('link:')) continue;
      into.add(`${one.from ?? name}@${one.version}`);
      walk(one.dependencies, into);
    }
  };
  for (const { dependencies, devDependencies } of workspaces) {
    walk(dependencies, production);
    walk(devDependencies, all);
  }
  // Listed, but for macOS only.
  all.delete('fsevents@2.3.3');
  const { packages } = await look();
  expect(namesOf(packages, 'npm')).toEqual([...new Set([...all, ...production])].sort());
  const installed = packages.filter(({ kind, dev }) => kind === 'npm' && !dev);
  expect(namesOf(installed, 'npm')).toEqual([...production].sort());
});

it("packages and edges of yarn's Plug'n'Play are those of `yarn info`", TIME, async (ctx) => {
  needsRegistry(ctx);
  const { run, look } = project({
    'package.json': { name: 'app', version: '1.0.0', dependencies: EXPRESS, devDependencies: MOCHA },
    'yarn.lock': '',
    '.yarnrc.yml': 'enableGlobalCache: false\nenableTelemetry: false\n',
  });
  const yarn = (...args: string[]) => run('npx', '-y', '@yarnpkg/cli-dist@4', ...args);
  yarn('install');
  const plain = (locator: string) => {
    const name = locator.slice(0, locator.indexOf('@', 1));
    return `${name}@${/(?:npm(?::|%3A)|workspace:)([^#:&]+)/.exec(locator)![1]}`;
  };
  const edges = new Set<string>();
  const all = new Set<string>();
  for (const line of yarn('info', '--all', '--recursive', '--virtuals', '--json').trim().split('\n')) {
    const { value, children } = JSON.parse(line) as {
      value: string;
      children: Record<'Dependencies' | 'Peer dependencies', { locator: string | null }[] | undefined> & {
        Version: string;
      };
    };
    const from = `${value.slice(0, value.indexOf('@', 1))}@${children.Version}`;
    all.add(from);
    const peers = children['Peer dependencies'] ?? [];
    for (const { locator } of [...(children.Dependencies ?? []), ...peers]) {
      if (locator !== null) edges.add(`${from} → ${plain(locator)}`);
    }
  }
  const { packages } = await look();
  expect(namesOf(packages, 'npm')).toEqual([...all].sort());
  const byId = new Map(packages.map((one) => [one.id, one]));
  const found = packages.flatMap((one) =>
    (one.requires ?? []).map((id) => `${named(one)} → ${named(byId.get(id)!)}`),
  );
  expect([...new Set(found)].sort()).toEqual([...edges].sort());
});

it('every byte of a standalone server of Next.js is explained', TIME, async (ctx) => {
  needsRegistry(ctx);
  const { run, look } = project({
    'package.json': {
      ...{ name: 'site', version: '1.0.0', private: true },
      dependencies: { next: '15.3.0', react: '19.0.0', 'react-dom': '19.0.0' },
    },
    'app/page.jsx': 'export default function Page() { return <p>hello</p> }',
    'app/layout.jsx':
      'export default function Layout({ children }) { return <html><body>{children}</body></html> }',
    'next.config.js': 'module.exports = { output: "standalone", outputFileTracingRoot: __dirname }',
  });
  run('npm', 'install', '--no-audit', '--no-fund');
  run('npx', 'next', 'build');
  const { kinds, packages } = await look('.next/standalone');
  expect(kinds.unowned).toBeUndefined();
  const names = packages.map(named);
  expect(names).toEqual(expect.arrayContaining(['next@15.3.0', 'react@19.0.0', 'react-dom@19.0.0']));
});

it('modules of a program are those of `go version -m`', TIME, async (ctx) => {
  if (!works('go', 'version')) ctx.skip('go is not here');
  const { run, look } = project({
    'go.mod': 'module example.com/hello\n\ngo 1.19\n',
    'main.go': 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println("hello") }\n',
  });
  run('go', 'build', '-o', 'out/hello', '.');
  const text = run('go', 'version', '-m', 'out/hello');
  const [, toolchain] = /: go(\S+)/.exec(text)!;
  const modules = [...text.matchAll(/^\t(?:mod|dep)\t(\S+)\t(\S+)/gm)].map(
    ([, name, version]) => `${name}@${version}`,
  );
  const { packages, kinds } = await look('out');
  expect(namesOf(packages, 'golang')).toEqual([...modules, `stdlib@${toolchain}`].sort());
  expect(Object.keys(kinds)).toEqual(['go']);
});

it(
  'a virtual environment of Python has the packages of `pip list`, which own its files',
  TIME,
  async (ctx) => {
    if (!works('python3', '-c', 'import ensurepip, venv')) ctx.skip('python3 has no venv');
    const { run, look } = project({});
    run('python3', '-m', 'venv', 'venv');
    const listed = JSON.parse(
      run('venv/bin/python', '-m', 'pip', 'list', '--format', 'json', '--disable-pip-version-check'),
    ) as { name: string; version: string }[];
    const { packages, files } = await look();
    expect(namesOf(packages, 'pypi')).toEqual(listed.map(named).sort());
    const without = files!.filter((one) => one.path.includes('/site-packages/') && one.package === undefined);
    expect(without.map(({ path }) => path)).toEqual([]);
  },
);
