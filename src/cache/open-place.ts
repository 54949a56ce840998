import { parseReference } from '../image/reference.ts';
import type { Registries } from '../registry/registries.ts';
import type { Store } from '../store/store.ts';
import { FolderPlace } from './folder-place.ts';
import type { CachePlace } from './place.ts';
import type { CacheLocation } from './places.ts';
import { RegistryPlace } from './registry-place.ts';

/** Opens a place; nothing is read or made yet. @param registries given that certificates are checked, or not */
export async function openPlace(
  location: CacheLocation,
  store: Store,
  registries: (insecure: boolean) => Promise<Registries>,
): Promise<CachePlace> {
  switch (location.type) {
    case 'local':
      return new FolderPlace(store, location.path, location.tag ?? 'latest');
    case 'registry':
      return new RegistryPlace(
        store,
        await registries(location.insecure ?? false),
        parseReference(location.ref),
      );
  }
}
