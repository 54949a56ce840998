import { lstatSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { type Digest, isDigest } from '../image/digest.ts';
import { type ImageConfig, type Index, type Manifest, MEDIA } from '../image/types.ts';
import type { EntryType } from '../layer/entry.ts';
import { contentDigest, type LayerIndex } from '../layer/layer-index.ts';
import { diskPath } from '../layer/names.ts';
import { digestOfFile } from './blobs.ts';
import type { DirectoryForm } from './forms.ts';
import { layerId } from './layers.ts';
import { readJson } from './read-json.ts';
import type { StepRecord } from './records.ts';
import type { Store } from './store.ts';
import { deadTemporaries, readNames } from './temporary.ts';

export interface VerifyReport {
  images: number;
  layers: number;
  blobs: number;
  records: number;
  /** What is wrong: one sentence each. Empty for a valid store. */
  problems: string[];
  /** Files of layers that this user may not look at. */
  unreadable: number;
  /** Temporary folders of dead processes, in which nothing counts: the next build deletes them. */
  leftovers: number;
}

const DEVICES: ReadonlySet<EntryType> = new Set(['char', 'block', 'whiteout']);

/**
 * Checks a whole store: every blob's digest, every image's parts, every layer's record, index and directory,
 * and every step record. Reads all of it.
 */
export async function verifyStore(store: Store): Promise<VerifyReport> {
  const report: VerifyReport = {
    images: 0,
    layers: 0,
    blobs: 0,
    records: 0,
    problems: [],
    unreadable: 0,
    leftovers: 0,
  };
  for (const name of readNames(store.layout.blobs)) {
    report.blobs++;
    const actual = await digestOfFile(join(store.layout.blobs, name));
    if (actual !== name) report.problems.push(`blob ${name} has the digest ${actual}`);
  }
  for (const image of store.images.list()) {
    report.images++;
    const label = image.name ?? image.manifest.digest;
    attempt(report, `image ${label}`, () =>
      verifyManifest(store, image.manifest.mediaType, image.manifest.digest),
    );
  }
  for (const file of store.images.damaged()) {
    const name = decodeURIComponent(file.replace(/\.json$/, ''));
    report.problems.push(`the image name ${name} has been lost: its file is damaged`);
  }
  for (const id of store.layers.ids()) {
    report.layers++;
    attempt(report, `layer ${id}`, () => verifyLayer(store, id, report));
  }
  for (const name of readNames(store.layout.steps)) {
    report.records++;
    attempt(report, `step record ${name}`, () => {
      const record = readJson<StepRecord>(join(store.layout.steps, name));
      if (`sha256:${name}` !== `${record?.definition}.json`)
        throw new Error('is not the record of its definition');
    });
  }
  report.leftovers = deadTemporaries(store.layout).length;
  return report;
}

function verifyManifest(store: Store, mediaType: string, digest: Digest): void {
  if (mediaType === MEDIA.ociIndex || mediaType === MEDIA.dockerList) {
    for (const child of store.blobs.readJson<Index>(digest).manifests) {
      // An index may name platforms that were never fetched.
      if (store.blobs.has(child.digest)) verifyManifest(store, child.mediaType, child.digest);
    }
    return;
  }
  const manifest = store.blobs.readJson<Manifest>(digest);
  const config = store.blobs.readJson<ImageConfig>(manifest.config.digest);
  if (config.rootfs.diff_ids.length !== manifest.layers.length) {
    throw new Error('has a config and a manifest with different numbers of layers');
  }
  for (const layer of manifest.layers) {
    const size = store.blobs.size(layer.digest);
    // A base's layers come from the registry when they are needed.
    if (size !== undefined && size !== layer.size)
      throw new Error(`has a layer ${layer.digest} of a wrong size`);
  }
}

function verifyLayer(store: Store, id: string, report: VerifyReport): void {
  const record = store.layers.record(id);
  if (record === undefined) throw new Error('has no record, or not the whole of it or of its index');
  if (record.id !== id || !isDigest(record.key) || layerId(record.key) !== id)
    throw new Error('has the record of another layer');
  const index = store.layers.index(id);
  const content = contentDigest(index.entries());
  if (content !== record.content)
    throw new Error(`has an index with the digest ${content}, not ${record.content}`);
  for (const form of store.layers.directories(id)) verifyDirectory(store, id, form, index, report);
}

function verifyDirectory(
  store: Store,
  id: string,
  form: DirectoryForm,
  index: LayerIndex,
  report: VerifyReport,
): void {
  const root = store.layout.layerDirectory(id, form);
  for (const entry of index.entries()) {
    // Only a machine's root may make devices everywhere.
    if (form !== 'dir' && DEVICES.has(entry.type)) continue;
    let stats: Stats | undefined;
    try {
      stats = lstatSync(diskPath(`${root}/${entry.path}`), { throwIfNoEntry: false });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EACCES' && code !== 'EPERM') throw error;
      report.unreadable++;
      continue;
    }
    if (stats === undefined) throw new Error(`has no /${entry.path} in its directory`);
    if (
      (entry.type === 'file' || entry.type === 'hardlink') &&
      (!stats.isFile() || stats.size !== entry.size)
    ) {
      throw new Error(`has another /${entry.path} in its directory than in its index`);
    }
    if (entry.type === 'directory' && !stats.isDirectory()) {
      throw new Error(`has something else than the directory /${entry.path} in its directory`);
    }
  }
}

function attempt(report: VerifyReport, subject: string, check: () => void): void {
  try {
    check();
  } catch (error) {
    report.problems.push(`${subject} ${(error as Error).message}`);
  }
}
