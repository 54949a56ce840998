import { hash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { JettisonError } from '../errors/error.ts';
import { type Digest, hex, sha256 } from '../image/digest.ts';
import type { Descriptor } from '../image/types.ts';
import { contentDigest, LayerIndex } from '../layer/layer-index.ts';
import { DIRECTORY_FORMS, type DirectoryForm } from './forms.ts';
import type { StoreLayout } from './layout.ts';
import { readRecord, recordText } from './record-file.ts';
import { readNames, temporaryPath, writeWhole } from './temporary.ts';

/** How a layer was made. `image`: from a pulled or loaded blob. `archive`: from an archive that ADD extracts. */
export type LayerKind = 'image' | 'copy' | 'workdir' | 'run' | 'archive';

/** `layers/<id>/layer.json`: written with the layer, never changed. */
export interface LayerRecord {
  /** The first 32 hexadecimal digits of the key. */
  id: string;
  key: Digest;
  kind: LayerKind;
  /**
   * Digest of the layer's content: of its entries in canonical order, without their times. A step cannot distinguish
   * two layers with the same content.
   */
  content: Digest;
  /** Number of entries of the index, including whiteouts; 0 for a layer without changes. */
  entries: number;
  /** Bytes of all files. */
  size: number;
  /** Bytes of the index, and their sha256: 64 hexadecimal digits. */
  indexSize: number;
  indexDigest: string;
  /** RFC 3339. */
  created: string;
}

/** `layers/<id>/blob.json`: exists when the layer has been packed, or was a blob from the start. */
export interface LayerBlob {
  diffId: Digest;
  blob: Descriptor;
}

/** A directory form that will be moved into a layer's folder. */
export interface MadeDirectory {
  /** Absolute, on the store's file system. */
  path: string;
  form: DirectoryForm;
}

/** The layer folders of a store. */
export class Layers {
  readonly #layout: StoreLayout;

  constructor(layout: StoreLayout) {
    this.#layout = layout;
  }

  /**
   * The record of a layer; undefined for an unknown id. A layer with an incomplete record or index, as after a power
   * failure, counts as missing, and is made again.
   */
  record(id: string): LayerRecord | undefined {
    const record = readRecord<LayerRecord>(this.#layout.layerRecord(id));
    const index = record && statSync(this.#layout.layerIndex(id), { throwIfNoEntry: false });
    return record?.indexSize === index?.size ? record : undefined;
  }

  /**
   * The index of a layer, compared with the digest in its record. If it differs, the record is deleted, so that the
   * next build makes the layer again.
   *
   * @throws JettisonError `LAYER_DAMAGED` when the index is damaged, or the layer no longer exists
   */
  index(id: string): LayerIndex {
    const record = this.record(id);
    const bytes = record && readIfThere(this.#layout.layerIndex(id));
    if (bytes !== undefined && hash('sha256', bytes, 'hex') === record!.indexDigest) {
      return LayerIndex.parse(bytes);
    }
    this.discardRecord(id);
    throw new JettisonError('LAYER_DAMAGED', 'the list of the files of a layer in the store is damaged', {
      hint: 'Build again: the layer is made again. `jettison doctor --store --repair` looks for more damage.',
      details: { layer: id },
    });
  }

  /** The fault of a layer's index, in words; undefined when it matches the record. */
  indexProblem(id: string): string | undefined {
    const record = this.record(id);
    const bytes = record && readIfThere(this.#layout.layerIndex(id));
    if (bytes === undefined) return 'has no index';
    const actual = hash('sha256', bytes, 'hex');
    return actual === record!.indexDigest ? undefined : `has an index with the digest ${actual}`;
  }

  /** Deletes a damaged layer's record, so that it counts as missing. The folder stays until it is replaced. */
  discardRecord(id: string): void {
    rmSync(this.#layout.layerRecord(id), { force: true });
  }

  /** Whether the layer has a directory of that form. */
  hasDirectory(id: string, form: DirectoryForm): boolean {
    return existsSync(this.#layout.layerDirectory(id, form)) && this.record(id) !== undefined;
  }

  /** Those of `forms` that the layer has. */
  directories(id: string, forms: readonly DirectoryForm[] = DIRECTORY_FORMS): DirectoryForm[] {
    return forms.filter((form) => existsSync(this.#layout.layerDirectory(id, form)));
  }

  /** The packed form; undefined when the layer has not been packed, or its blob is missing or truncated. */
  blob(id: string): LayerBlob | undefined {
    const packed = readRecord<LayerBlob>(this.#layout.layerBlob(id));
    const blob = packed && statSync(this.#layout.blob(packed.blob.digest), { throwIfNoEntry: false });
    return packed?.blob.size === blob?.size ? packed : undefined;
  }

  /** Every layer's id. */
  ids(): string[] {
    return readNames(this.#layout.layers);
  }
}

/**
 * Puts a finished layer into the store. An existing layer of this id has the same content, so only the forms that it
 * lacks are added.
 *
 * @param layer.directory is moved
 * @returns the record in the store. Builds that make the same layer at the same time all get the record of the first
 */
export function installLayer(
  layout: StoreLayout,
  layer: { record: LayerRecord; index: Uint8Array; directory?: MadeDirectory; blob?: LayerBlob },
): LayerRecord {
  const { record, directory } = layer;
  const temporary = temporaryPath(layout, 'layer');
  mkdirSync(temporary, { mode: 0o700 });
  writeFileSync(join(temporary, 'layer.json'), recordText(record));
  writeFileSync(join(temporary, 'index'), layer.index);
  if (layer.blob !== undefined) writeFileSync(join(temporary, 'blob.json'), recordText(layer.blob));
  if (directory !== undefined) renameSync(directory.path, join(temporary, directory.form));
  while (!moveInto(temporary, layout.layer(record.id))) {
    const present = new Layers(layout).record(record.id);
    if (present === undefined) {
      moveAway(layout, record.id);
      continue;
    }
    if (directory !== undefined) {
      moveInto(join(temporary, directory.form), layout.layerDirectory(record.id, directory.form));
    }
    if (layer.blob !== undefined) renameSync(join(temporary, 'blob.json'), layout.layerBlob(record.id));
    rmSync(temporary, { recursive: true, force: true });
    return present;
  }
  return record;
}

/** Adds a directory form to a layer of the store. */
export function installDirectory(layout: StoreLayout, id: string, { path, form }: MadeDirectory): void {
  if (!moveInto(path, layout.layerDirectory(id, form))) rmSync(path, { recursive: true, force: true });
}

/** Records the packed form of a layer, whose blob is already in the store. */
export function installBlob(layout: StoreLayout, id: string, blob: LayerBlob): void {
  writeWhole(layout, layout.layerBlob(id), recordText(blob));
}

/** The record of a layer from its sorted entries. */
export function layerRecord(
  identity: { id: string; key: Digest; kind: LayerKind },
  index: LayerIndex,
): LayerRecord {
  let size = 0;
  for (const entry of index.entries()) if (entry.type === 'file') size += entry.size;
  return {
    ...identity,
    content: contentDigest(index.entries()),
    entries: index.size,
    size,
    indexSize: index.bytes.length,
    indexDigest: hash('sha256', index.bytes, 'hex'),
    created: new Date().toISOString(),
  };
}

/** A layer's id: the first 32 hexadecimal digits of its key. */
export function layerId(key: Digest): string {
  return hex(key).slice(0, 32);
}

/**
 * Id and key of a new layer. If the store has a layer of this key, the new one gets a random key: with `--no-cache` the
 * result may differ, and other records refer to the existing layer.
 */
export function newLayerIdentity(
  layers: Layers,
  key: Digest,
  kind: LayerKind,
): { id: string; key: Digest; kind: LayerKind } {
  const own = layers.record(layerId(key)) === undefined ? key : sha256(`${key} ${randomUUID()}`);
  return { id: layerId(own), key: own, kind };
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Moves a damaged layer to this process's temporary files, with which it is deleted. */
function moveAway(layout: StoreLayout, id: string): void {
  try {
    renameSync(layout.layer(id), temporaryPath(layout, 'damaged'));
  } catch (error) {
    // Another process moved it.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** Renames a folder. @returns false when `to` exists (folders of layers are never empty) */
function moveInto(from: string, to: string): boolean {
  // rename(2) replaces an empty directory, and a directory form may be empty.
  if (existsSync(to)) return false;
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
    throw error;
  }
}
