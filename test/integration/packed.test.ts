// The package as its users get it: packed by npm, installed into a fresh folder, run by each Node that it is for.
import { execFile, execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Ended } from '../support/build.ts';
import { nodeOf, npm } from '../support/nodes.ts';
import { tempDir } from '../support/temp-dir.ts';
import { sample } from '../support/thorough.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Also beside many busy neighbours. */
const FETCH_MS = 1_800_000;

/** Of Node 20 the oldest, and two that V8 cannot tell apart; of the others one each. */
const NODES = ['20.15.0', '20.19.5', '20.20.1', '22.23.3', '24.21.0', '26.12.1'];
const OLD_NODES = ['16.20.2', '18.20.8'];

let folder: string;
let tarball: string;
/** A project in which the tarball is installed. */
let project: string;
/** What npm said while it installed; or why it could not. */
let installed: { out: string; err: string } | string;

beforeAll(async () => {
  folder = tempDir();
  // A copy: packing builds dist/, which other tests are using.
  const copy = join(folder, 'repository');
  mkdirSync(copy);
  const names = readdirSync(ROOT).filter((name) => /\.(json|md)$|^(src|scripts|docs|LICENSE)$/.test(name));
  for (const name of names) cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: copy, stdio: 'pipe' });
  tarball = join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz'))!);

  project = join(folder, 'project');
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }');
  writeFileSync(join(project, 'Dockerfile'), 'FROM scratch\nCOPY package.json /\nCMD ["/x"]\n');
  const committed = join(project, 'committed');
  cpSync(join(project, 'Dockerfile'), join(committed, 'Dockerfile'));
  cpSync(join(project, 'package.json'), join(committed, 'package.json'));
  const dates = { GIT_AUTHOR_DATE: '1650000000 +0000', GIT_COMMITTER_DATE: '1650000000 +0000' };
  for (const line of ['init -q', 'add .', '-c user.name=n -c user.email=e commit -q -m first']) {
    execFileSync('git', line.split(' '), { cwd: committed, env: { ...process.env, ...dates } });
  }
  installed = await npm(['install', tarball], project);
}, FETCH_MS);

/** Runs a program in the project, with a home of its own. */
function run(file: string, args: string[], env: Record<string, string> = {}): Promise<Ended> {
  const home = join(folder, 'home');
  mkdirSync(home, { recursive: true });
  const options = { cwd: project, env: { PATH: process.env['PATH']!, HOME: home, ...env } };
  return new Promise((resolve) => {
    const child = execFile(file, args, options, (_error, out, err) =>
      resolve({ code: child.exitCode, signal: child.signalCode, out, err }),
    );
  });
}

const command = () => join(project, 'node_modules', '.bin', 'jettison');
const done = { code: 0, signal: null };

describe('the packed package', () => {
  it('has types, and neither compiled code nor scripts that run when it is installed', () => {
    const files = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' }).trim().split('\n');
    expect(files).toContain('package/dist/types/index.d.ts');
    expect(files).toContain('package/SECURITY.md');
    const texts =
      /^package\/(dist\/report-page\.html|docs\/pictures\/[a-z-]+\.png)$|\.(js|mjs|d\.ts|json|md|1)$|^package\/(LICENSE|dist\/THIRD-PARTY\.txt)$/;
    expect(files.filter((name) => !texts.test(name))).toEqual([]);
    const text = execFileSync('tar', ['-xzOf', tarball, 'package/package.json'], { encoding: 'utf8' });
    const { name, scripts, bin } = JSON.parse(text);
    expect(name).toBe('jettison-build');
    expect(Object.keys(bin)).toEqual(['jettison', 'jettison-build']);
    for (const script of ['preinstall', 'install', 'postinstall', 'prepare']) {
      expect(scripts).not.toHaveProperty(script);
    }
  });

  it('contains the licences of bundled packages', () => {
    const member = 'package/dist/THIRD-PARTY.txt';
    const text = execFileSync('tar', ['-xzOf', tarball, member], { encoding: 'utf8' });
    for (const name of ['koffi', 'smol-toml']) {
      const folder = join(ROOT, 'node_modules', name);
      const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      const licence = readdirSync(folder).find((file) => file.startsWith('LICENSE'))!;
      expect(text).toContain(`${name} ${version}\n`);
      expect(text).toContain(readFileSync(join(folder, licence), 'utf8').trim());
    }
  });

  it('is installed without a warning, and without any package that has a script', (ctx) => {
    if (typeof installed === 'string') return ctx.skip(installed);
    expect(`${installed.out}${installed.err}`).not.toMatch(/warn/i);
    const packages = readdirSync(join(project, 'node_modules'), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('package.json'))
      .map((path) => JSON.parse(readFileSync(join(project, 'node_modules', path), 'utf8')));
    const withScripts = packages.filter(({ scripts }) => scripts?.install || scripts?.postinstall);
    expect(withScripts.map((one) => one.name)).toEqual([]);
  });

  it.for(sample(['jettison', 'jettison-build'], 1))('is run by `npm exec` as %s', async (name, ctx) => {
    if (typeof installed === 'string') return ctx.skip(installed);
    const version = await run('npm', ['exec', '--yes', `--package=${tarball}`, '--', name, '--version']);
    expect(version).toMatchObject({ ...done, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });

  it('is run by `npx PACKAGE build .`', async (ctx) => {
    if (typeof installed === 'string') return ctx.skip(installed);
    const built = await run(
      'npx',
      ['--yes', `file:${tarball}`, 'build', '--progress=plain', '-t', 'npx', '.'],
      {
        JETTISON_HOME: join(folder, 'npx-store'),
      },
    );
    expect(built).toMatchObject({ ...done, err: expect.stringContaining('npx:latest') });
  });
});

describe("README's example of the library", () => {
  const example = /```ts\n(import .*?)```/s.exec(readFileSync(join(ROOT, 'README.md'), 'utf8'))![1]!;

  beforeAll(() => {
    writeFileSync(join(project, 'example.ts'), example);
    // As `npm install --save-dev typescript @types/node` would.
    for (const name of ['@types/node', 'undici-types']) {
      const link = join(project, 'node_modules', name);
      mkdirSync(dirname(link), { recursive: true });
      if (!existsSync(link)) symlinkSync(join(ROOT, 'node_modules', name), link);
    }
  });

  const resolutions: [string, ts.ModuleKind, ts.ModuleResolutionKind][] = [
    ['NodeNext', ts.ModuleKind.NodeNext, ts.ModuleResolutionKind.NodeNext],
    ['bundler', ts.ModuleKind.ESNext, ts.ModuleResolutionKind.Bundler],
  ];
  it.each(sample(resolutions, 1))(
    'has right types with moduleResolution %s',
    (_name, module, moduleResolution) => {
      const strict = {
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        verbatimModuleSyntax: true,
        isolatedModules: true,
        skipLibCheck: false,
      };
      const target = ts.ScriptTarget.ES2022;
      const types = ['node'];
      const options = { ...strict, module, moduleResolution, target, types, noEmit: true };
      const host = ts.createCompilerHost(options);
      host.getCurrentDirectory = () => project;
      // A wrong use is seen: the types are there.
      writeFileSync(
        join(project, 'wrong.ts'),
        "import { build } from 'jettison-build';\nawait build({ tags: 1 });\n",
      );
      const program = ts.createProgram(
        ['example.ts', 'wrong.ts'].map((name) => join(project, name)),
        options,
        host,
      );
      // Those of the language and of Node are others' business.
      const files = program
        .getSourceFiles()
        .filter(({ fileName }) => !/\/node_modules\/(typescript|@types|undici-types)\//.test(fileName));
      expect(files.some(({ fileName }) => fileName.includes('/jettison-build/'))).toBe(true);
      const found = [
        ...program.getOptionsDiagnostics(),
        ...program.getGlobalDiagnostics(),
        ...files.flatMap((file) => [
          ...program.getSyntacticDiagnostics(file),
          ...program.getSemanticDiagnostics(file),
        ]),
      ];
      const [wrong, unexpected] = [true, false].map((isWrong) =>
        found.filter(({ file }) => (file?.fileName.endsWith('wrong.ts') ?? false) === isWrong),
      );
      expect(ts.formatDiagnostics(unexpected!, { ...host, getCanonicalFileName: (name) => name })).toBe('');
      expect(wrong).toHaveLength(1);
    },
  );

  it('builds an image', async (ctx) => {
    if (typeof installed === 'string') return ctx.skip(installed);
    const { outputText } = ts.transpileModule(example, {
      compilerOptions: { target: ts.ScriptTarget.ES2022 },
    });
    writeFileSync(join(project, 'example.mjs'), outputText);
    const ended = await run(process.execPath, ['example.mjs']);
    expect(ended).toMatchObject({ ...done, out: expect.stringMatching(/done\nsha256:[0-9a-f]{64}\n$/) });
  });
});

describe('the packed command', () => {
  it.for(sample(NODES, 2))('runs under Node %s', { timeout: FETCH_MS }, async (version, ctx) => {
    if (typeof installed === 'string') return ctx.skip(installed);
    const node = await nodeOf(version);
    if ('why' in node) return ctx.skip(node.why);
    const home = join(folder, `store-${version}`);
    // Says which native modules the started process has mapped.
    const maps = join(folder, `maps-${version}`);
    const hook = join(folder, 'maps.cjs');
    writeFileSync(
      hook,
      `process.on('exit', () => require('fs').writeFileSync(process.env.MAPS, require('fs')
          .readFileSync('/proc/self/maps', 'utf8').split('\\n').filter((line) => line.endsWith('.node')).join('\\n')));`,
    );
    const jettison = (...args: string[]) =>
      run(node.path, [command(), ...args], {
        JETTISON_HOME: home,
        PATH: `${dirname(node.path)}:${process.env['PATH']}`,
      });

    expect(await jettison('--version')).toMatchObject({ ...done, out: expect.stringMatching(/^\d+\.\d/) });
    expect(await jettison('--help')).toMatchObject({ ...done, out: expect.stringContaining('build') });
    expect(await jettison('lint', 'Dockerfile')).toMatchObject(done);
    const first = await jettison('build', '--progress=plain', '-t', 'packed', '.');
    expect(first).toMatchObject({ ...done, err: expect.stringContaining('packed:latest') });
    const second = await jettison('build', '--progress=plain', '-t', 'packed', '.');
    expect(second).toMatchObject({ ...done, err: expect.stringContaining('CACHED') });
    expect(await jettison('images')).toMatchObject({ ...done, out: expect.stringContaining('packed') });
    // Without SOURCE_DATE_EPOCH git is asked.
    expect(await jettison('build', '--reproducible', '-t', 'dated', '.')).toMatchObject(done);

    const env = { JETTISON_HOME: home, NODE_OPTIONS: `--require=${hook}`, MAPS: maps };
    expect(await run(node.path, [command(), 'build', '--no-cache', '.'], env)).toMatchObject(done);
    expect(readFileSync(maps, 'utf8')).toBe('');
  });

  it('names the missing package without optional dependencies', async () => {
    const bare = join(folder, 'bare');
    mkdirSync(bare);
    execFileSync('tar', ['-xzf', tarball, '-C', bare]);
    const cli = join(bare, 'package', 'dist', 'cli.js');
    const ended = await run(process.execPath, [cli, 'build', '.'], { JETTISON_HOME: join(bare, 'store') });
    expect(ended).toMatchObject({ code: 1, signal: null });
    expect(ended.err).toContain(`the package @koromix/koffi-linux-${process.arch} is missing`);
    expect(ended.err).toContain('--omit=optional');
    expect(ended.err).not.toMatch(/^\s+at /m);
  });

  it.for(sample(OLD_NODES, 1))(
    'says under Node %s what it needs',
    { timeout: FETCH_MS },
    async (version, ctx) => {
      if (typeof installed === 'string') return ctx.skip(installed);
      const node = await nodeOf(version);
      if ('why' in node) return ctx.skip(node.why);
      const ended = await run(node.path, [command(), 'build', '.']);
      const err = `error: jettison needs Node 20.15 or newer; this is Node ${version}\n`;
      expect(ended).toEqual({ code: 1, signal: null, out: '', err });
    },
  );

  it('starts with a file that Node 12 can parse', () => {
    const source = readFileSync(join(ROOT, 'scripts/launcher.cjs'), 'utf8');
    const as = (target: ts.ScriptTarget) =>
      ts.transpileModule(source, { compilerOptions: { target, module: ts.ModuleKind.CommonJS } }).outputText;
    expect(as(ts.ScriptTarget.ES2019)).toBe(as(ts.ScriptTarget.ESNext));
    expect(source).not.toMatch(/(require\(|from )['"]node:/);
  });
});
