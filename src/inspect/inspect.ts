import type { Digest } from '../image/digest.ts';
import type { Image, Layer } from '../image/image.ts';
import { readLayer } from '../image/read-layer.ts';
import { familiarName } from '../image/reference.ts';
import type { RecipeEntry } from '../layer/entry.ts';
import { LayerIndex } from '../layer/layer-index.ts';
import { parallel } from '../registry/parallel.ts';
import { listImages } from '../store/lookup.ts';
import type { Store } from '../store/store.ts';
import { temporaryPath } from '../store/temporary.ts';
import { CATALOGUES, FACTS_VERSION } from './catalogues.ts';
import { Census, type CountedLayer } from './census.ts';
import { collectGarbage } from './heap.ts';
import type { Inspection } from './inspection.ts';
import { destinationOf, instructionsOf, madeBy } from './instructions.ts';
import { inventory } from './inventory.ts';
import { settleKinds } from './kinds.ts';
import { applyProvenance } from './origins.ts';
import { type FileObserver, scanLayer } from './scan-layer.ts';

/** Another look at the files of layers: what it finds is kept by diff id, too. */
export interface LayerCompanion {
  /** Whether its finding of a layer is kept: the layer need not be read for it. */
  has(store: Store, diffId: Digest): boolean;
  /** Sees the layer's files, which are read now. */
  observe(
    store: Store,
    diffId: Digest,
  ): FileObserver & { /** The layer is what its diff id says. */ keep(): void };
}

export interface InspectOptions {
  /** The store that keeps the facts of layers. */
  store: Store;
  signal?: AbortSignal;
  /** A layer that has to be read: how much of it has been, in bytes of its packed form. */
  onProgress?: (layer: Layer, moved: number) => void;
  /** Layers of further images that are looked at together: what they share is in memory once. */
  shared?: Map<Digest, CountedLayer>;
  companion?: LayerCompanion;
}

/** Layers that are read at the same time: more only compete for the processor. */
const AT_ONCE = 2;

/**
 * Inspects an image. Each layer is read once, without being unpacked; the store keeps the result.
 *
 * @throws JettisonError `DIGEST_MISMATCH`, `TAR_INVALID`, `COMPRESSION_INVALID`, and what the image's source throws
 */
export async function inspect(image: Image, options: InspectOptions): Promise<Inspection> {
  const layers = new Array<CountedLayer>(image.layers.length);
  let wasLarge = false;
  await parallel(image.layers.entries(), AT_ONCE, async ([at, layer]) => {
    const { diffId } = layer;
    const known = options.shared?.get(diffId);
    const found = known ?? { diffId, ...(await lookAt(layer, options)) };
    wasLarge ||= !(found.index instanceof LayerIndex);
    layers[at] = known === undefined && options.shared !== undefined ? kept(found) : found;
    options.shared?.set(diffId, layers[at]);
  });
  if (wasLarge) collectGarbage();
  const census = new Census(layers);
  for (const catalogue of CATALOGUES) catalogue.own(census, census.facts(catalogue.id));
  const instructions = instructionsOf(image.config, image.layers.length);
  const destinations = layers.map((_, at) => destinationOf(madeBy(instructions, at)!));
  const provenance = options.store.provenance.get(image.id);
  const made = provenance && applyProvenance(instructions, image.layers.length, provenance);
  const base = made === undefined ? baseOf(image, options.store) : made.layers > 0 ? named(made) : undefined;
  const workingDirectory = image.config.config?.WorkingDir?.replace(/^\/+|\/+$/g, '');
  settleKinds(census, { baseLayers: base?.layers ?? 0, workingDirectory, destinations });
  return {
    image,
    census,
    instructions,
    base,
    provenance,
    distribution: inventory(census).distribution,
  };
}

/** The layer, whose entries are then the same objects each time that they are asked for. */
function kept({ index, ...layer }: CountedLayer): CountedLayer {
  let entries: RecipeEntry[] | undefined;
  return {
    ...layer,
    index: {
      entries: () => {
        entries ??= [...index.entries()];
        return entries;
      },
      linked: index.linked,
    },
  };
}

async function lookAt(layer: Layer, { store, signal, onProgress, companion }: InspectOptions) {
  const known = store.inspections.get(layer.diffId, FACTS_VERSION);
  const isComplete = companion === undefined || companion.has(store, layer.diffId);
  if (known !== undefined && isComplete) return known;
  const [found, observer] = await readLayer(layer, async () => {
    const observer = isComplete ? undefined : companion.observe(store, layer.diffId);
    let moved = 0;
    // What is known of a layer is not looked for again when only the companion needs to see it.
    const found = await scanLayer(layer, known === undefined ? CATALOGUES : [], {
      temporary: () => temporaryPath(store.layout, 'member'),
      ...(signal && { signal }),
      ...(observer && { observer }),
      onBytes: (count) => {
        moved += count;
        onProgress?.(layer, moved);
      },
    });
    return [found, observer] as const;
  });
  if (found.isLarge) collectGarbage();
  observer?.keep();
  try {
    if (known !== undefined) return known;
    store.inspections.put(layer.diffId, FACTS_VERSION, found);
    // A large index stays on the disk.
    const kept = found.isLarge ? store.inspections.get(layer.diffId, FACTS_VERSION) : undefined;
    return kept ?? { index: LayerIndex.parse(Buffer.concat([...found.pieces])), facts: found.facts };
  } finally {
    found.close();
  }
}

function named({ name, layers }: { name: string; layers: number }): Inspection['base'] {
  try {
    return { name: familiarName(name), layers };
  } catch {
    // A base of an OCI layout has no name that a registry would know.
    return { name, layers };
  }
}

/** The base image: of the store's images whose layers this one begins with, the one with most layers. */
function baseOf(image: Image, store: Store): Inspection['base'] {
  const own = image.config.rootfs.diff_ids;
  let found: Inspection['base'];
  for (const { names, descriptor, config } of listImages(store)) {
    const ids = config.rootfs.diff_ids;
    if (descriptor.digest === image.descriptor.digest || ids.length === 0 || ids.length >= own.length)
      continue;
    if (ids.length <= (found?.layers ?? 0) || ids.some((id, at) => id !== own[at])) continue;
    const [name] = names;
    found = { layers: ids.length, ...(name !== undefined && { name: familiarName(name) }) };
  }
  return found;
}
