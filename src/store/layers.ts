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

/** What made a layer. `image`: read from a pulled or loaded blob. `archive`: an archive that ADD extracts. */
export type LayerKind = 'image' | 'copy' | 'workdir' | 'run' | 'archive';

/** `layers/<id>/layer.json`: written with the layer, never changed. */
export interface LayerRecord {
  /** The first 32 hexadecimal digits of the key. */
  id: string;
  key: Digest;
  kind: LayerKind;
  /**
   * Digest of what the layer holds: of its entries in canonical order with everything but their times.
   * Two layers with the same content are the same to every step that observes them.
   */
  content: Digest;
  /** How many entries the index has, whiteouts included; 0 for a layer without any change. */
  entries: number;
  /** Bytes of all files. */
  size: number;
  /** Bytes of the index, and their sha256: 64 hexadecimal digits. */
  indexSize: number;
  indexDigest: string;
  /** RFC 3339. */
  created: string;
}

/** `layers/<id>/blob.json`: present once the layer has been packed (or came as a blob). */
export interface LayerBlob {
  diffId: Digest;
  blob: Descriptor;
}

/** A directory form that is to become part of a layer: absolute path, on the store's file system. */
export interface MadeDirectory {
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
   * The record of a layer; undefined when the store has none of that id. One that a power failure left without
   * its whole record or index counts as none: it is made again.
   */
  record(id: string): LayerRecord | undefined {
    const record = readRecord<LayerRecord>(this.#layout.layerRecord(id));
    const index = record && statSync(this.#layout.layerIndex(id), { throwIfNoEntry: false });
    return record?.indexSize === index?.size ? record : undefined;
  }

  /**
   * The index of a layer, which is what its record says. One that is not is taken out of the way with its record: the
   * next build makes the layer again.
   *
   * @throws JettisonError `LAYER_DAMAGED` when it is damaged, or there is no such layer any more
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

  /** The fault of a layer's index, for people; undefined when it matches its record. */
  indexProblem(id: string): string | undefined {
    const record = this.record(id);
    const bytes = record && readIfThere(this.#layout.layerIndex(id));
    if (bytes === undefined) return 'has no index';
    const actual = hash('sha256', bytes, 'hex');
    return actual === record!.indexDigest ? undefined : `has an index with the digest ${actual}`;
  }

  /** Makes a damaged layer count as none. Its folder stays until something is put into its place. */
  discardRecord(id: string): void {
    rmSync(this.#layout.layerRecord(id), { force: true });
  }

  /** Whether the layer has a directory of that form. */
  hasDirectory(id: string, form: DirectoryForm): boolean {
    return existsSync(this.#layout.layerDirectory(id, form)) && this.record(id) !== undefined;
  }

  /** The directories that the layer has, of some forms. */
  directories(id: string, forms: readonly DirectoryForm[] = DIRECTORY_FORMS): DirectoryForm[] {
    return forms.filter((form) => existsSync(this.#layout.layerDirectory(id, form)));
  }

  /** The packed form; undefined when the layer has not been packed, or its blob has been pruned or cut short. */
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
 * Puts a finished layer into the store. A layer of the same id has the same content: then only the forms it
 * lacks are added.
 *
 * @param layer.directory the directory form by its absolute path, which is moved (same file system)
 * @returns the record that the store has now: of builds that make the same layer at the same time, all get that
 * of the first
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

/** Adds a directory form to a layer that the store has. */
export function installDirectory(layout: StoreLayout, id: string, { path, form }: MadeDirectory): void {
  if (!moveInto(path, layout.layerDirectory(id, form))) rmSync(path, { recursive: true, force: true });
}

/** Notes the packed form of a layer, whose blob is in the store already. */
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
 * What a new layer of a key is called. One that the store has already is left alone, since other records know it: a
 * step that is repeated without the cache may have another result.
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

/** Takes a damaged layer out of the way. Its folder is deleted with this process's other temporary files. */
function moveAway(layout: StoreLayout, id: string): void {
  try {
    renameSync(layout.layer(id), temporaryPath(layout, 'damaged'));
  } catch (error) {
    // Somebody else did.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** Renames a folder; false when one is there already (folders of layers are never empty). */
function moveInto(from: string, to: string): boolean {
  // An empty directory form may be replaced by rename(2), so it has to be looked for.
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
