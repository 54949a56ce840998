import { counted, type OnProgress } from '../events/transfer.ts';
import type { Descriptor } from '../image/types.ts';
import type { Store } from '../store/store.ts';
import { LayoutFolder } from './layout-folder.ts';
import type { CacheBlob, CacheDocument, CachePlace } from './place.ts';

/** A cache in a folder, under a tag. */
export class FolderPlace implements CachePlace {
  readonly #store: Store;
  readonly #tag: string;
  readonly lasting = false;
  readonly #folder: LayoutFolder;

  constructor(store: Store, path: string, tag: string) {
    this.#store = store;
    this.#tag = tag;
    this.#folder = new LayoutFolder(path);
  }

  async read(): Promise<CacheDocument[]> {
    const manifest = this.#folder.manifest(this.#folder.find(this.#tag));
    return [{ manifest, config: this.#folder.json(manifest.config) }];
  }

  async fetch(blob: Descriptor, onProgress: OnProgress = () => {}): Promise<void> {
    const { digest: item, size } = blob;
    if (this.#store.blobs.has(item, size)) return;
    await this.#store.blobs.writeStream(counted(this.#folder.stream(blob), { item, size, onProgress }), blob);
    onProgress({ item, size, state: 'done', moved: size });
  }

  async holds(blob: Descriptor): Promise<boolean> {
    return this.#folder.holds(blob);
  }

  async write(
    blobs: readonly CacheBlob[],
    manifest: Descriptor,
    onProgress: OnProgress = () => {},
  ): Promise<void> {
    const add = async (blob: CacheBlob) => {
      const { digest: item, size } = blob;
      await blob.fetch();
      await this.#folder.add(blob, counted(this.#store.blobs.stream(item), { item, size, onProgress }));
      onProgress({ item, size, state: 'done', moved: size });
    };
    for (const blob of blobs) if (!this.#folder.keep(blob)) await add(blob);
    await this.#folder.add(manifest, this.#store.blobs.stream(manifest.digest));
    await this.#folder.name(this.#tag, manifest);
    // Another process may have deleted unreferenced blobs meanwhile.
    for (const blob of blobs) if (!this.#folder.holds(blob)) await add(blob);
  }
}
