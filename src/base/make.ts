import { rm } from 'node:fs/promises';
import { type NewImage, writeImage } from '../export/write-image.ts';
import { digestOf } from '../image/digest.ts';
import { hostPlatform } from '../image/platform.ts';
import type { Descriptor } from '../image/types.ts';
import type { RecipeEntry } from '../layer/entry.ts';
import { contentDigest, LayerIndex } from '../layer/layer-index.ts';
import { writeRecipe } from '../layer/recipe.ts';
import { installLayer, type LayerBlob, layerId, layerRecord } from '../store/layers.ts';
import type { Store } from '../store/store.ts';
import { temporaryPath } from '../store/temporary.ts';
import { type HostBaseOptions, listHostBase } from './host.ts';

export interface MadeBase {
  /** Of the manifest. */
  manifest: Descriptor;
  /** Of the config: the image id. */
  config: Descriptor;
  layer: LayerBlob;
  /** Bytes of all files, uncompressed. */
  size: number;
  /** Files, directories and links. */
  entries: number;
  /** Whether the store already had this image. */
  reused: boolean;
  warnings: string[];
}

/**
 * Makes a base image of this machine's files, and adds it to the store without a name. Unchanged files give the same
 * image, and are not packed again.
 *
 * @throws JettisonError `BASE_HOST_SYSTEM`, `BASE_HOST_NODE`
 */
export async function makeHostBase(store: Store, options: HostBaseOptions = {}): Promise<MadeBase> {
  const end = await store.leases.use();
  try {
    const base = await listHostBase(options);
    const index = LayerIndex.of(base.entries.map(({ source: _source, ...entry }) => entry));
    const key = digestOf({ base: 'host', content: contentDigest(index.entries()), time: options.time ?? 0 });
    const record = layerRecord({ id: layerId(key), key, kind: 'copy' }, index);

    let layer = store.layers.blob(record.id);
    const reused = layer !== undefined;
    if (layer === undefined) {
      installLayer(store.layout, { record, index: index.bytes });
      layer = await pack(store, record.id, base.entries);
    }
    const { config, history, created } = base;
    const image: NewImage = { config: { created, ...hostPlatform(), config, history }, layers: [layer] };
    const written = await writeImage(store, image);
    return {
      ...written,
      layer,
      size: record.size,
      entries: record.entries,
      reused,
      warnings: base.warnings,
    };
  } finally {
    end();
  }
}

async function pack(store: Store, layer: string, entries: RecipeEntry[]): Promise<LayerBlob> {
  const path = temporaryPath(store.layout, 'recipe');
  writeRecipe(path, entries);
  // Loaded here: an unchanged base image needs no worker.
  const { startWorker } = await import('../host/client.ts');
  const worker = await startWorker({ home: store.layout.home });
  try {
    return await worker.pack({ layer, recipe: path });
  } finally {
    await worker.close();
    await rm(path, { force: true });
  }
}
