// Bundles everything into dist/: the command and the worker as CommonJS, which starts faster than modules do,
// the library as modules. What every build needs is one file; what only some commands need is loaded when they
// do: a fully cached build must not read what it does not use.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { chmod, copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { parseAst } from 'rolldown/parseAst';

/** Licences of packages without a file of it. Published lists ask for no more than their name and the author's. */
const LICENCES = {
  'CC0-1.0': 'https://creativecommons.org/publicdomain/zero/1.0/legalcode',
  'CC-BY-3.0': 'https://creativecommons.org/licenses/by/3.0/legalcode',
  '(Apache-2.0 AND BSD-3-Clause)':
    'https://www.apache.org/licenses/LICENSE-2.0, and https://opensource.org/license/bsd-3-clause',
};

const target = new URL('../dist', import.meta.url).pathname;
// Whoever runs what is there now must not find half of it.
const dist = `${target}-${process.pid}/`;
const shared = {
  platform: 'node',
  // The prebuilt binaries of koffi, one package a machine, stay outside the bundle.
  external: [/^node:/, /^@koromix\//],
  checks: { ineffectiveDynamicImport: false },
  transform: { define: { INSPECT_SOURCE: JSON.stringify(inspectSource()) } },
  logLevel: 'warn',
};
/** The command and the worker are CommonJS; node: modules that they import lazily become lazy `require` calls. */
const commonjs = { format: 'cjs', dynamicImportInCjs: false };
/** Small to read, yet with names that mean something in a stack trace. */
const minify = { compress: true, mangle: false, codegen: true };
/** The rooms, and single files, that every build reads: one chunk, which starts from compiled code. */
const CORE = [
  /\/src\/(errors|fields|image|events|dockerfile|plan|context|store|protocol)\//,
  /\/src\/build\//,
  /\/src\/solve\//,
  /\/src\/export\/(exporters|image|image-keys|image-maker|output|outputs|reported|types\/.*)\.ts$/,
  /\/src\/layout\/(image-layout|folder-files)\.ts$/,
  /\/src\/attest\/request\.ts$/,
  /\/src\/secrets\//,
  /\/src\/layer\/host-file\.ts$/,
  /\/src\/cache\/(backend|backends|backends\/.*)\.ts$/,
  /\/src\/launch\/capabilities\.ts$/,
  /\/src\/machine\/(readable-forms|id-ranges)\.ts$/,
  /\/src\/layer\/(entry|layer-index|merged-tree|names|tree)\.ts$/,
  /\/src\/cli\/(command|commands|dispatch|flag|usage)\.ts$/,
  /\/src\/cli\/commands\/build\.ts$/,
  /\/src\/cli\/flags\/(attest|build-flags|cache|limits|output|secret|ssh)\.ts$/,
  /\/src\/cli\/print\/(error-report|failed-command)\.ts$/,
];

/** Of those rooms and of others, what only some builds need: it must not come into that chunk, nor be imported by it. */
const LATE = [
  /\/src\/(advice|attest\/(?!request)|audit|fleet\/(?!named-builders)|init|inspect|leaks|probe|report|scan|sbom)/,
  /\/src\/build\/(attestations|available-bases|build-facts|build-texts|cache-mount-export|check|context-evidence|input-watch)/,
  /\/src\/context\/folder-watch/,
  /\/src\/build\/(debug|forecast|image-evidence|lint|look-for-secrets|opened-history|optimise|recorded-times|sbom-of|search-files|shell-check)/,
  /\/src\/build\/secret-forms/,
  /\/src\/secrets\/(config-search|content-search|file-kinds|kind-titles|masked-text|suspicious-names|surroundings)/,
  /\/src\/solve\/oci-layout/,
];
const isLate = (id) => LATE.some((pattern) => pattern.test(id));
const isCore = (id) => CORE.some((pattern) => pattern.test(id)) && !isLate(id);

await mkdir(dist);
process.on('exit', () => rmSync(dist, { recursive: true, force: true }));
// The package's own files are modules; those of dist/ are not, unless they are called .mjs.
await writeFile(`${dist}package.json`, '{ "type": "commonjs" }\n');
// The declarations that `npm run build:types` adds are of modules.
await mkdir(`${dist}types`);
await writeFile(`${dist}types/package.json`, '{ "type": "module" }\n');

const command = await rolldown({ ...shared, input: { main: 'src/cli/main.ts' } });
const commandFiles = await command.write({
  ...commonjs,
  dir: dist,
  entryFileNames: '[name].js',
  chunkFileNames: ({ name }) => (name === 'core' ? 'chunks/core.js' : 'chunks/[name]-[hash].js'),
  codeSplitting: { groups: [{ name: 'core', test: isCore }] },
  minify,
});
await command.close();

// Each a program of its own, in one file.
const programFiles = [];
for (const input of [
  { worker: 'src/worker/main.ts' },
  { become: 'src/worker/programs/become.ts' },
  { keeper: 'src/worker/programs/keeper.ts' },
  { joiner: 'src/worker/programs/joiner.ts' },
]) {
  const program = await rolldown({ ...shared, input });
  const { output } = await program.write({ ...commonjs, dir: dist, codeSplitting: false, minify });
  programFiles.push(...output);
  await program.close();
}

const library = await rolldown({ ...shared, input: { index: 'src/index.ts' } });
const libraryFiles = await library.write({
  dir: dist,
  format: 'esm',
  entryFileNames: '[name].mjs',
  chunkFileNames: 'chunks/[name]-[hash].mjs',
  minify,
});
await library.close();
const pageFiles = await buildReportPage();
await copyFile(new URL('launcher.cjs', import.meta.url), `${dist}cli.js`);
await chmod(`${dist}cli.js`, 0o755);
await copyFile(new URL('code-cache.cjs', import.meta.url), `${dist}code-cache.js`);
forbidNativeCode([...commandFiles.output, ...libraryFiles.output]);
forbidInCore(commandFiles.output);
await forbidDynamicImports();
await writeFile(
  `${dist}THIRD-PARTY.txt`,
  notices([...commandFiles.output, ...programFiles, ...libraryFiles.output, ...pageFiles]),
);
await rm(target, { recursive: true, force: true });
await rename(dist, target);

/** A digest of all that decides what is kept of a layer that was looked into: when it changes, layers are read anew. */
function inspectSource() {
  const hash = createHash('sha256');
  for (const room of ['src/inspect', 'src/layer']) {
    for (const name of readdirSync(room, { recursive: true }).sort()) {
      if (name.endsWith('.ts')) hash.update(`${room}/${name}\0`).update(readFileSync(join(room, name)));
    }
  }
  return hash.digest('hex').slice(0, 16);
}

/**
 * The page of `jettison report`: a template with its script and style inside, which its policy allows by their digests
 * and nothing else.
 */
async function buildReportPage() {
  const folder = new URL('../src/report/page/', import.meta.url).pathname;
  const page = await rolldown({
    input: join(folder, 'main.tsx'),
    platform: 'browser',
    tsconfig: join(folder, 'tsconfig.json'),
    logLevel: 'warn',
  });
  const { output } = await page.generate({ format: 'iife', minify: true, codeSplitting: false });
  await page.close();
  const script = output[0].code.trim();
  const style = (await readFile(join(folder, 'style.css'), 'utf8')).replace(/\s+/g, ' ').trim();
  if (/<\/script|<!--/i.test(script)) throw new Error('the script of the report page would end early');
  const digest = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  const policy = `default-src 'none'; script-src ${digest(script)}; style-src ${digest(style)}; img-src data:; base-uri 'none'; form-action 'none'`;
  const template = await readFile(join(folder, 'page.html'), 'utf8');
  const parts = { policy, style: `<style>${style}</style>`, script: `<script>${script}</script>` };
  await writeFile(
    `${dist}report-page.html`,
    template.replace(/\{\{(policy|style|script)\}\}/g, (_, name) => parts[name]),
  );
  return output;
}

/** The started process loads no native module: only the worker, and the programs that it starts, do. */
function forbidNativeCode(files) {
  for (const { fileName, moduleIds = [] } of files) {
    const native = moduleIds.find((id) => id.endsWith('/src/worker/native.ts'));
    if (native !== undefined)
      throw new Error(`dist/${fileName} would load native code in the started process`);
  }
}

/** Every build reads the core chunk: what only some commands need is not in it. */
function forbidInCore(files) {
  const { moduleIds } = files.find(({ fileName }) => fileName === 'chunks/core.js');
  const late = moduleIds.find((id) => isLate(id) || id.includes('/node_modules/'));
  if (late !== undefined)
    throw new Error(`dist/chunks/core.js has ${late}, which no build needs: import it dynamically`);
}

/** The licences of the packages of others that are in the bundle: they ask to be passed on with it. */
function notices(files) {
  const roots = new Set(
    files
      .flatMap(({ moduleIds = [] }) => moduleIds)
      .map((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0])
      .filter((root) => root !== undefined),
  );
  const texts = [...roots].sort().map((root) => {
    const { name, version, license, author } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const file = readdirSync(root).find((one) => /^(licen[cs]e|copying)(\.|$)/i.test(one));
    if (file !== undefined) return `${name} ${version}\n\n${readFileSync(join(root, file), 'utf8').trim()}\n`;
    const where = LICENCES[license];
    if (where === undefined) throw new Error(`${name} has no licence that could be passed on`);
    return `${name} ${version}\n\nBy ${author?.name ?? author ?? name}, unchanged, under ${license}: ${where}\n${sourceNotices(root)}`;
  });
  return `Parts of these packages are in this folder's files.\n\n${texts.join(`\n${'-'.repeat(78)}\n\n`)}`;
}

/** Copyright notices of others that the sources of a package without a licence file carry. */
function sourceNotices(root) {
  const wire = join(root, 'dist/esm/wire/varint.js');
  if (!existsSync(wire)) return '';
  const [notice] = /^(\/\/.*\n)+/.exec(readFileSync(wire, 'utf8'));
  return `\n${notice.replace(/^\/\/ ?/gm, '')}`;
}

/** What runs through vm.Script cannot do `import()`: Node 20 ends with an internal error. */
async function forbidDynamicImports() {
  for (const name of await readdir(dist, { recursive: true })) {
    if (!name.endsWith('.js')) continue;
    const program = parseAst(await readFile(join(dist, name), 'utf8'));
    if (containsImport(program)) throw new Error(`dist/${name} has a dynamic import: import it statically`);
  }
}

function containsImport(node) {
  if (node === null || typeof node !== 'object') return false;
  return node.type === 'ImportExpression' || Object.values(node).some(containsImport);
}
