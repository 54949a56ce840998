// What it costs to look into an image: of a sample image, or of the OCI layouts that JETTISON_BENCH_LAYOUTS names (folders,
// separated by blanks), the first look at each layer beside `tar -t` of the same blob, and the next look at the whole
// image, which reads no layer.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { line, measure, workspace } from './harness.mjs';
import { sampleImage } from './sample-image.mjs';

const LAYOUTS = process.env.JETTISON_BENCH_LAYOUTS?.split(' ');
const LOOKS = 5;

export default async function* inspect() {
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

function blobOf(layout, digest) {
  return join(layout, 'blobs', ...digest.split(':'));
}

/** A layout of an image that has this layer only. @returns its folder */
function imageOfLayer({ blob, diffId, path }, folder) {
  mkdirSync(join(folder, 'blobs/sha256'), { recursive: true });
  cpSync(path, blobOf(folder, blob.digest));
  const put = (mediaType, value) => {
    const text = JSON.stringify(value);
    const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
    writeFileSync(blobOf(folder, digest), text);
    return { mediaType, digest, size: text.length };
  };
  const config = put('application/vnd.oci.image.config.v1+json', {
    ...{ architecture: 'amd64', os: 'linux', config: {} },
    rootfs: { type: 'layers', diff_ids: [diffId] },
  });
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = put(mediaType, { schemaVersion: 2, mediaType, config, layers: [blob] });
  writeFileSync(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [manifest] }));
  writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  return folder;
}
