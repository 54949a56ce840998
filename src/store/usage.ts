import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Digest } from '../image/digest.ts';
import { allBlobs, imageBlobs } from './image-blobs.ts';
import type { Store } from './store.ts';
import { readNames } from './temporary.ts';

/** What keeps something in the store. */
export type Holder =
  /** An image with a name. */
  | 'image'
  /** An image without a name: the name moved to another image, or it never had one. */
  | 'nameless image'
  /** A running container. */
  | 'container'
  /** Steps of earlier builds. */
  | 'build cache'
  /** Nothing: a leftover of removed images or pruned builds. */
  | 'nothing';

export interface LayerUsage {
  id: string;
  /** `copy`, `run`, …; `blob` for a blob without a layer's folder. */
  kind: string;
  /** Bytes of its directories' content, and of its blob unless it is counted elsewhere. */
  size: number;
  holder: Holder;
  /** For a layer of the build cache: time of its last use by a build, in milliseconds since 1970. */
  usedMs?: number;
  /** The step that made it, as written. */
  title?: string;
}

/** Layers, blobs and downloads of a store with what keeps them; each byte is counted once. */
export function storeUsage(store: Store): LayerUsage[] {
  const { named, nameless } = {
    named: imageBlobs(store, ({ name }) => name !== undefined),
    nameless: imageBlobs(store, ({ name }) => name === undefined),
  };
  const steps = new Map<string, { usedMs: number; title: string }>();
  for (const { record, usedMs } of store.records.list()) {
    const known = steps.get(record.layer);
    if (known === undefined || known.usedMs < usedMs)
      steps.set(record.layer, { usedMs, title: record.title });
  }
  const running = store.containers.layersInUse();
  const usage: LayerUsage[] = [];
  const counted = new Set<Digest>();
  for (const id of store.layers.ids()) {
    const record = store.layers.record(id);
    if (record === undefined) continue;
    const packed = store.layers.blob(id)?.blob;
    const directory = directorySize(store, id);
    const step = steps.get(id);
    const ofImages = packed !== undefined && (named.has(packed.digest) || nameless.has(packed.digest));
    // An image's blob is counted for the image. The directory of a base image's layer stays as long as the image.
    const own = packed === undefined || ofImages || counted.has(packed.digest) ? 0 : packed.size;
    if (own > 0) counted.add(packed!.digest);
    const holder: Holder = running.has(id)
      ? 'container'
      : step !== undefined
        ? 'build cache'
        : record.kind === 'image' && ofImages
          ? named.has(packed.digest)
            ? 'image'
            : 'nameless image'
          : 'nothing';
    usage.push({ id, kind: record.kind, size: directory + own, holder, ...step });
  }
  for (const digest of allBlobs(store)) {
    if (counted.has(digest)) continue;
    const holder = named.has(digest) ? 'image' : nameless.has(digest) ? 'nameless image' : 'nothing';
    usage.push({ id: digest, kind: 'blob', size: store.blobs.size(digest) ?? 0, holder });
  }
  for (const name of readNames(store.layout.downloads)) {
    const size = statSync(join(store.layout.downloads, name), { throwIfNoEntry: false })?.size ?? 0;
    usage.push({ id: name, kind: 'download', size, holder: 'build cache' });
  }
  return usage;
}

/** Bytes of the files in all directory forms of a layer. */
export function directorySize({ layers }: Store, id: string): number {
  return (layers.record(id)?.size ?? 0) * layers.directories(id).length;
}
