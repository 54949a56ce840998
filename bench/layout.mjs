// Writes the parts of an OCI layout that are JSON.
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where a layout keeps a blob. */
export function blobOf(layout, digest) {
  return join(layout, 'blobs', ...digest.split(':'));
}

/**
 * Completes a layout that has the blobs of its layers.
 *
 * @param images by name; of each layer `blob`, its descriptor, and `diffId`
 */
export function writeLayout(layout, images) {
  mkdirSync(join(layout, 'blobs/sha256'), { recursive: true });
  const manifests = Object.entries(images).map(([name, layers]) => ({
    ...manifestOf(layout, layers),
    annotations: { 'org.opencontainers.image.ref.name': name },
  }));
  writeFileSync(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
  writeFileSync(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
}

function manifestOf(layout, layers) {
  const config = put(layout, 'application/vnd.oci.image.config.v1+json', {
    ...{ architecture: 'amd64', os: 'linux', config: {} },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
  });
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const blobs = layers.map(({ blob }) => blob);
  return put(layout, mediaType, { schemaVersion: 2, mediaType, config, layers: blobs });
}

function put(layout, mediaType, value) {
  const text = JSON.stringify(value);
  const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
  writeFileSync(blobOf(layout, digest), text);
  return { mediaType, digest, size: text.length };
}
