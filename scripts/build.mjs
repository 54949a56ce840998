// Bundles the command, the library and the worker into dist/. Lazily imported modules become chunks of
// their own, so that `jettison --help` or a fully cached build does not load what it does not use.
import { chmod, rm } from 'node:fs/promises';
import { rolldown } from 'rolldown';

const dist = new URL('../dist/', import.meta.url).pathname;
const bundle = await rolldown({
  input: { cli: 'src/cli/main.ts', index: 'src/index.ts', worker: 'src/worker/main.ts' },
  platform: 'node',
  // koffi finds its prebuilt binary by its own location; it stays outside the bundle.
  external: [/^node:/, 'koffi'],
  logLevel: 'warn',
});
await rm(`${dist}chunks`, { recursive: true, force: true });
await bundle.write({
  dir: dist,
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: 'chunks/[name]-[hash].js',
  sourcemap: true,
  minify: false,
});
await bundle.close();
await chmod(`${dist}cli.js`, 0o755);
