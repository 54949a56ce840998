import { toggle } from '../../fields/keys.ts';
import { canonicalName, parseReference } from '../../image/reference.ts';
import type { PlaceBackend } from '../backend.ts';

/** A cache in a registry, or (for `--cache-from`) an image with an inline cache. */
export interface RegistryCache {
  type: 'registry';
  ref: string;
  insecure?: boolean;
}

const keys: PlaceBackend<RegistryCache>['to'] = {
  ref: {
    value: 'NAME',
    help: 'The name of the cache.',
    required: true,
    set(location, value) {
      if (value !== '') location.ref = canonicalName(value);
    },
  },
  'registry.insecure': toggle('insecure', 'Accepts any certificate, and plain http.'),
};

export const registry: PlaceBackend<RegistryCache> = {
  type: 'registry',
  kind: 'place',
  usage: '`type=registry,ref=NAME`, or `NAME`',
  help: 'An OCI artifact in a registry. `registry.insecure=true` accepts any certificate and plain http.',
  from: keys,
  to: keys,
  label: ({ ref }) => ref,
  async open({ ref, insecure = false }, { store, registries }) {
    const { RegistryPlace } = await import('../registry-place.ts');
    return new RegistryPlace(store, await registries(insecure), parseReference(ref));
  },
};
