// What it costs to look into an image: of a sample image, or of the OCI layouts that JETTISON_BENCH_LAYOUTS names (folders,
// separated by blanks), the first look at each layer beside `tar -t` of the same blob, and the next look at the whole
// image, which reads no layer. Then peak memory and time of each command with a large image: `--mb` and `--files` say how large.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CLI, line, measure, workspace } from './harness.mjs';
import { largeImage } from './large-image.mjs';
import { blobOf, writeLayout } from './layout.mjs';
import { peakMemory } from './peak-memory.mjs';
import { sampleImage } from './sample-image.mjs';

const LAYOUTS = process.env.JETTISON_BENCH_LAYOUTS?.split(' ');
const LOOKS = 5;

/** @param options of the command line: how large the image is */
export default async function* inspect({ mb = '200', files = '10000' }) {
  const { describeImage } = await import('../dist/index.mjs');
  const space = workspace();
  const home = join(space.root, 'looks');
  const look = async (layout) => {
    const start = process.hrtime.bigint();
    const description = await describeImage(`oci:${layout}`, { home });
    return { description, ms: Number(process.hrtime.bigint() - start) / 1e6 };
  };
  for (const layout of LAYOUTS ?? [sampleLayout(space)]) {
    const all = layersOf(layout);
    let sum = 0;
    for (const [at, layer] of all.entries()) {
      const { description, ms } = await look(imageOfLayer(layer, join(space.root, `layer-${at}`)));
      sum += ms;
      const { bytes, files } = description.layers[0];
      const [theirs] = measure(3, () => {
        const { status } = spawnSync('tar', ['-tf', layer.path], { stdio: 'ignore' });
        if (status !== 0) throw new Error(`tar -tf ${layer.path} failed`);
      });
      const megabytes = (bytes / 1e6).toFixed(1).padStart(7);
      yield `${`layer ${at}`.padEnd(9)} ${String(files).padStart(7)} files ${megabytes} MB   first look ${column(ms)}   tar -t ${column(theirs)}`;
    }
    const looks = [];
    for (let i = 0; i <= LOOKS; i++) looks.push((await look(layout)).ms);
    yield `all layers, first look ${column(sum)}`;
    yield line(
      'all layers, next look',
      looks.slice(1).toSorted((a, b) => a - b),
    );
    rmSync(home, { recursive: true });
  }
  yield* largeLooks(space, { files: Number(files), megabytes: Number(mb) });
}

function column(ms) {
  return `${ms.toFixed(0)} ms`.padStart(9);
}

function sampleLayout(space) {
  const context = join(space.root, 'context');
  mkdirSync(context);
  sampleImage(context);
  const layout = join(space.root, 'image');
  space.jettison('build', '-q', '-o', `type=oci,tar=false,dest=${layout}`, context);
  return layout;
}

function layersOf(layout) {
  const read = (digest) => JSON.parse(readFileSync(blobOf(layout, digest)));
  const { manifests } = JSON.parse(readFileSync(join(layout, 'index.json')));
  let manifest = read(manifests[0].digest);
  if (manifest.manifests !== undefined) manifest = read(manifest.manifests[0].digest);
  const { rootfs } = read(manifest.config.digest);
  return manifest.layers.map((blob, at) => ({
    blob,
    diffId: rootfs.diff_ids[at],
    path: blobOf(layout, blob.digest),
  }));
}

/** A layout of an image that has this layer only. @returns its folder */
function imageOfLayer(layer, folder) {
  mkdirSync(join(folder, 'blobs/sha256'), { recursive: true });
  cpSync(layer.path, blobOf(folder, layer.blob.digest));
  writeLayout(folder, { layer: [layer] });
  return folder;
}

/** Peak memory and time of each command at its first and its next look at a large image, which is deleted afterwards. */
async function* largeLooks(space, { files, megabytes }) {
  const folder = join(space.root, 'large');
  const { layer, path } = await largeImage(folder, { files, bytes: megabytes * 1e6 });
  const [one, two] = [`oci:${folder}:1`, `oci:${folder}:2`];
  space.write({
    'budget.json': JSON.stringify({ files: files * 2, waste: '50%', forbidPaths: ['**/*.key'] }),
  });
  const commands = [
    ['report', one, '-o', join(space.root, 'report.html')],
    ['report', one, two, '-o', join(space.root, 'report.html')],
    ['explore', one],
    ['diff', one, two],
    ['compare', one, two],
    ['why', one, `/${path}`],
    ['sbom', one],
    ['secrets', one],
    ['budget', '-c', join(space.root, 'budget.json'), one],
  ];
  yield `${files} files, ${megabytes} MB in one layer; with a second layer that replaces every hundredth where two images are named`;
  const tar = await peakMemory('tar', ['-tzf', layer]);
  yield look('tar -tz', { own: Math.max(tar.own, tar.child), seconds: tar.seconds });
  for (const args of commands) {
    const name = `${args[0]}${args.includes(two) ? ', two images' : ''}`;
    rmSync(space.env.JETTISON_HOME, { recursive: true, force: true });
    for (const which of ['first', 'next']) {
      yield look(`${name}, ${which} look`, await peakMemory(process.execPath, [CLI, ...args], space.env));
    }
  }
  rmSync(folder, { recursive: true });
}

function look(name, { own, seconds }) {
  return `${name.padEnd(32)} ${String(own).padStart(5)} MB  ${seconds.toFixed(1).padStart(6)} s`;
}
