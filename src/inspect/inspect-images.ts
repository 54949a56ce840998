import type { Digest } from '../image/digest.ts';
import type { Image, Layer } from '../image/image.ts';
import type { Platform } from '../image/types.ts';
import { openImage } from '../images/open-image.ts';
import { type Registries, useRegistries } from '../registry/registries.ts';
import { type Store, useStore } from '../store/store.ts';
import type { CountedLayer } from './census.ts';
import { inspect, type LayerCompanion } from './inspect.ts';
import type { Inspection } from './inspection.ts';

/** Where images are searched. */
export interface ImagePlaces {
  /** The store's folder; default: that of the environment. */
  home?: string;
  env: NodeJS.ProcessEnv;
  /** Relative paths start here. */
  cwd: string;
  signal: AbortSignal;
  /** Read the image from its registry, even if the store has it. */
  remote: boolean;
  /** Accept any certificate of registries, and plain http. */
  insecure: boolean;
  /** Of an image for several platforms this one; default: this machine's. */
  platform: Platform | undefined;
  /** A layer that is read for the first time: how many bytes of its packed form have been. */
  onProgress?: (layer: Layer, moved: number) => void;
  /** Another look at the layers that are read. */
  companion?: LayerCompanion;
}

/** Opens and inspects images, and closes them after `use`. Each layer is read once; the store keeps the result. */
export async function inspectImages<T>(
  names: readonly string[],
  { home, env, cwd, signal, remote, insecure, platform, onProgress, companion }: ImagePlaces,
  use: (inspections: Inspection[], store: Store) => Promise<T> | T,
): Promise<T> {
  const run = async (store: Store, registries: Registries) => {
    const options = {
      ...{ store, signal },
      ...(names.length > 1 && { shared: new Map<Digest, CountedLayer>() }),
      ...(onProgress && { onProgress }),
      ...(companion && { companion }),
    };
    const opened: Image[] = [];
    try {
      const inspections: Inspection[] = [];
      for (const name of names) {
        const image = await openImage(name, {
          ...{ store, registries, env, cwd, signal, remote },
          ...(platform !== undefined && { platform }),
        });
        opened.push(image);
        inspections.push(await inspect(image, options));
      }
      return await use(inspections, store);
    } finally {
      for (const image of opened) await image.close();
    }
  };
  return useStore({ env, signal, ...(home !== undefined && { home }) }, (store) =>
    useRegistries({ env, signal, insecure }, (registries) => run(store, registries)),
  );
}
