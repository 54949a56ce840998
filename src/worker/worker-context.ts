import type { LayerIndex } from '../layer/layer-index.ts';
import type { NetworkMemory } from '../machine/default-network.ts';
import type { ReadableForms } from '../store/forms.ts';
import { Layers } from '../store/layers.ts';
import type { StoreLayout } from '../store/layout.ts';

/** What every operation of the worker knows of its surroundings. */
export interface WorkerContext extends NetworkMemory {
  layout: StoreLayout;
  /** Which directory forms of layers this process makes and reads. */
  forms: ReadableForms;
  /**
   * Which extended attributes overlayfs uses here: `user` inside a user namespace. `none`: nothing is ever mounted,
   * and what the disk cannot keep of owners, modes and devices is in the index only.
   */
  overlay: 'trusted' | 'user' | 'none';
  /** A user namespace with one id: files keep that id on disk, whatever owner their entry has. */
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
