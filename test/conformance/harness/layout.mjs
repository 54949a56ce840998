// Base images whose configs no Dockerfile could give them, as OCI layouts that `docker load` takes too.
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { arch } from 'node:process';

const TYPE = 'application/vnd.oci.image';
const ARCHITECTURE = { x64: 'amd64' }[arch] ?? arch;

/**
 * Writes an OCI layout of one image, whose only layer has a file.
 *
 * @param {string} folder
 * @param {string} name of the image for `docker load`
 * @param {Record<string, unknown>} document the image's config; architecture, os and rootfs are added where it lacks them
 */
export function writeLayout(folder, name, document) {
  const blobs = join(folder, 'blobs', 'sha256');
  mkdirSync(blobs, { recursive: true });
  const add = (mediaType, bytes) => {
    const hex = createHash('sha256').update(bytes).digest('hex');
    writeFileSync(join(blobs, hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const addJson = (mediaType, value) => add(mediaType, Buffer.from(JSON.stringify(value)));
  const layer = add(`${TYPE}.layer.v1.tar`, tarOf('base.txt', 'base\n'));
  const config = addJson(`${TYPE}.config.v1+json`, {
    architecture: ARCHITECTURE,
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: [layer.digest] },
    ...document,
  });
  const manifest = addJson(`${TYPE}.manifest.v1+json`, {
    schemaVersion: 2,
    mediaType: `${TYPE}.manifest.v1+json`,
    config,
    layers: [layer],
  });
  const pathOf = ({ digest }) => `blobs/${digest.replace(':', '/')}`;
  const loaded = { Config: pathOf(config), RepoTags: [name], Layers: [pathOf(layer)] };
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify([loaded]));
  const { architecture = ARCHITECTURE, os = 'linux', variant } = document;
  const listed = { ...manifest, platform: { architecture, os, variant } };
  writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(
    join(folder, 'index.json'),
    JSON.stringify({
      schemaVersion: 2,
      manifests: [{ ...listed, annotations: { 'org.opencontainers.image.ref.name': 'latest' } }],
    }),
  );
}

/** A tar of one file. */
function tarOf(name, content) {
  const header = Buffer.alloc(512);
  const octal = (value, at, length) => header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at);
  header.write(name);
  octal(0o644, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(content.length, 124, 12);
  octal(981173106, 136, 12);
  header.write('        0', 148);
  header.write('ustar\x0000', 257);
  octal(
    header.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  );
  const body = Buffer.alloc(512);
  body.write(content);
  return Buffer.concat([header, body, Buffer.alloc(1024)]);
}
