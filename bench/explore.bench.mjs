// The explorer on an image of 100,000 files in four layers: building its state, then each key with the picture that it
// gives, in a process that has not done it before, as CPU time of all its threads. Reading the index from the store is not
// in it (see inspect).
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const src = (path) => JSON.stringify(fileURLToPath(new URL(`../src/${path}`, import.meta.url)));
const ENTRY = `
import { Census } from ${src('inspect/census.ts')};
import { describe } from ${src('inspect/describe.ts')};
import { LayerIndex } from ${src('layer/layer-index.ts')};
import { Explorer } from ${src('explore/explorer.ts')};
import { render } from ${src('explore/render.ts')};
import { Screen } from ${src('explore/screen.ts')};
import { SIGNS } from ${src('explore/text.ts')};

const FACTS = { type: 'file', mode: 0o644, uid: 0, gid: 0, mtime: 0 };
const layer = (count, top) => ({
  diffId: 'sha256:' + '0'.repeat(64),
  facts: new Map(),
  index: LayerIndex.of(Array.from({ length: count }, (_, at) => ({
    ...FACTS,
    path: top + '/package' + Math.floor(at / 400) + '/lib' + (Math.floor(at / 20) % 20) + '/file' + at + '.js',
    size: at % 977,
    digest: String(at % 5000),
  }))),
});
const layers = [layer(60_000, 'usr'), layer(38_000, 'app'), layer(1500, 'usr'), layer(500, 'srv')];
const config = { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [] } };
const image = {
  ...{ label: 'x', descriptor: { digest: 'x' }, id: 'x', config },
  layers: layers.map(({ diffId }) => ({ diffId, blob: { mediaType: 'm', digest: 'x', size: 1 } })),
};
const times = [];
const timed = (what, work) => {
  const start = process.cpuUsage();
  const result = work();
  const { user, system } = process.cpuUsage(start);
  times.push([what, (user + system) / 1000]);
  return result;
};
const census = timed('census', () => new Census(layers));
const instructions = layers.map((_, at) => ({ text: 'RUN ' + at, keyword: 'RUN', layer: at }));
const inspection = { image, census, instructions, base: undefined, distribution: undefined };
const description = timed('describe', () => describe(inspection));
const explorer = timed('state', () => new Explorer(inspection, description, () => [], { columns: 200, rows: 60 }));
const screen = new Screen({ color: true, ascii: false, ellipsis: '.' });
const KEYS = ['Up', 'Up', '^A', 'Down', '^L', 'Tab', '^Space', 'Down', 'PageDown', 'End', 's', 's', '^A', '^A', '^U', '^U',
  '/', 'f', 'i', 'l', 'e', '9', 'Enter', 'Esc', 'Left', 'Space', '3', 'Enter', 'Esc', 'w', 'Enter', 'g', 'i', '?', 'Esc'];
for (const key of KEYS) {
  timed(key, () => {
    explorer.press(key);
    screen.draw(render(explorer, SIGNS.unicode));
  });
}
console.log(JSON.stringify(times));
`;

export default async function* run() {
  const folder = mkdtempSync(join(tmpdir(), 'jettison-bench-'));
  try {
    const entry = join(folder, 'entry.ts');
    writeFileSync(entry, ENTRY);
    const bundle = await rolldown({ input: { explore: entry }, platform: 'node', logLevel: 'silent' });
    await bundle.write({ dir: folder, format: 'esm', entryFileNames: '[name].mjs' });
    await bundle.close();
    const { stdout } = spawnSync(process.execPath, [join(folder, 'explore.mjs')], { encoding: 'utf8' });
    const times = JSON.parse(stdout);
    const [census, describe, state, ...keys] = times;
    for (const [what, ms] of [census, describe, state])
      yield `${what.padEnd(10)} ${ms.toFixed(0).padStart(5)} ms`;
    const sorted = keys.map(([, ms]) => ms).sort((a, b) => a - b);
    yield `${keys.length} keys: median ${sorted[sorted.length >> 1].toFixed(1)} ms of CPU, slowest:`;
    const slowest = keys.toSorted(([, a], [, b]) => b - a).slice(0, 5);
    for (const [key, ms] of slowest) yield `  ${key.padEnd(8)} ${ms.toFixed(1).padStart(5)} ms`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
