import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Digest } from '../image/digest.ts';
import { allBlobs, imageBlobs } from './image-blobs.ts';
import type { Store } from './store.ts';
import { readNames } from './temporary.ts';

/** Why something is in the store. */
export type Holder =
  /** An image that has a name. */
  | 'image'
  /** An image without a name: another one has taken it, or it never had one. */
  | 'nameless image'
  /** A container. */
  | 'container'
  /** Steps of earlier builds. */
  | 'build cache'
  /** Nothing: it is left from builds or images that are gone. */
  | 'nothing';

export interface LayerUsage {
  id: string;
  /** `copy`, `run`, …; `blob` for a blob that no layer's folder knows. */
  kind: string;
  /** Bytes of its directory's content, and of its blob unless that is shared. */
  size: number;
  holder: Holder;
  /** Of a layer of the build cache: when a build last used it, in milliseconds since 1970. */
  usedMs?: number;
  /** The step that made it, as written. */
  title?: string;
}

/** Everything that takes room in a store, each byte once, with what it is there for. */
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
    // A blob of an image is the image's; the directory of a base's layer stays as long as the image.
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

/** Bytes of the files of a layer's directories. */
export function directorySize({ layers }: Store, id: string): number {
  return (layers.record(id)?.size ?? 0) * layers.directories(id).length;
}
