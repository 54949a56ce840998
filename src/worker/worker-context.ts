import type { LayerIndex } from '../layer/layer-index.ts';
import type { NetworkMemory } from '../machine/default-network.ts';
import type { ReadableForms } from '../store/forms.ts';
import { Layers } from '../store/layers.ts';
import type { StoreLayout } from '../store/layout.ts';

/** Shared by all operations of one worker. */
export interface WorkerContext extends NetworkMemory {
  layout: StoreLayout;
  /** The directory forms of layers that this process makes and reads. */
  forms: ReadableForms;
  /**
   * The namespace of overlayfs' extended attributes: `user` inside a user namespace. `none`: nothing is mounted, and
   * owners, modes and devices that the disk cannot store are in the index only.
   */
  overlay: 'trusted' | 'user' | 'none';
  /** A user namespace with one id: all files on disk have it, whatever owner their entry has. */
  singleId?: boolean;
}

const indexes = new Map<string, LayerIndex>();

/** The index of a layer. Indexes never change: each is read once. */
export function indexOf(ctx: WorkerContext, id: string): LayerIndex {
  let index = indexes.get(id);
  if (index === undefined) {
    index = new Layers(ctx.layout).index(id);
    indexes.set(id, index);
  }
  return index;
}
