// Bundles everything into dist/: the command and the worker as CommonJS, which starts faster than modules do,
// the library as modules. What every build needs is one file; what only some commands need is loaded when they
// do: a fully cached build must not read what it does not use.
import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { rolldown } from 'rolldown';

const target = new URL('../dist', import.meta.url).pathname;
// Whoever runs what is there now must not find half of it.
const dist = `${target}-${process.pid}/`;
const shared = {
  platform: 'node',
  // koffi finds its prebuilt binary by its own location; it stays outside the bundle.
  external: [/^node:/, 'koffi'],
  checks: { ineffectiveDynamicImport: false },
  logLevel: 'warn',
};
/** Small to read, yet with names that mean something in a stack trace. */
const minify = { compress: true, mangle: false, codegen: true };
const CORE = [
  /\/src\/(build\.ts$|conductor\/)/,
  /\/src\/(errors|image|events|dockerfile|plan|context|store)\//,
  /\/src\/solve\/(?!copy\/archive-detect)/,
  /\/src\/export\/(image|image-maker|output|outputs)\.ts$/,
  /\/src\/worker\/(rung|capabilities|forms|id-ranges)\.ts$/,
  /\/src\/layer\/(entry|layer-index|merged-tree|names|tree)\.ts$/,
  /\/src\/cli\/(build|build-flags|commands|dispatch|report|secret-flag|ssh-flag|limit-flags|output-flag|cache-flag|csv-flag|usage)\.ts$/,
];

await mkdir(dist);
// The package's own files are modules; those of dist/ are not, unless they are called .mjs.
await writeFile(`${dist}package.json`, '{ "type": "commonjs" }\n');

const command = await rolldown({ ...shared, input: { main: 'src/cli/main.ts' } });
await command.write({
  dir: dist,
  format: 'cjs',
  entryFileNames: '[name].js',
  chunkFileNames: ({ name }) => (name === 'core' ? 'chunks/core.js' : 'chunks/[name]-[hash].js'),
  codeSplitting: { groups: [{ name: 'core', test: (id) => CORE.some((pattern) => pattern.test(id)) }] },
  minify,
});
await command.close();

// Each a program of its own, in one file.
for (const input of [
  { worker: 'src/worker/main.ts' },
  { become: 'src/worker/become.ts' },
  { keeper: 'src/worker/keeper.ts' },
  { 'take-terminal': 'src/worker/take-terminal.ts' },
]) {
  const program = await rolldown({ ...shared, input });
  await program.write({ dir: dist, format: 'cjs', codeSplitting: false, minify });
  await program.close();
}

const library = await rolldown({ ...shared, input: { index: 'src/index.ts' } });
await library.write({
  dir: dist,
  format: 'esm',
  entryFileNames: '[name].mjs',
  chunkFileNames: 'chunks/[name]-[hash].mjs',
  minify,
});
await library.close();
await copyFile(new URL('launcher.cjs', import.meta.url), `${dist}cli.js`);
await chmod(`${dist}cli.js`, 0o755);
await promisify(execFile)(process.execPath, [new URL('compile-core.cjs', import.meta.url).pathname, dist]);
await rm(target, { recursive: true, force: true });
await rename(dist, target);
