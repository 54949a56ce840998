import type { OnProgress } from '../events/transfer.ts';
import type { Image } from '../image/image.ts';
import type { Platform } from '../image/types.ts';
import type { Registries } from '../registry/registries.ts';
import type { Store } from '../store/store.ts';

/** What a source may need to open an image. */
export interface OpenOptions {
  store: Store;
  registries: Registries;
  env: NodeJS.ProcessEnv;
  /** Relative paths start here. */
  cwd: string;
  signal: AbortSignal;
  /** Of an image for several platforms this one; default: this machine's. */
  platform?: Platform;
  /** Ask the registry, whatever the store has. */
  remote?: boolean;
  onProgress?: OnProgress;
}

/** Opens what stands behind the prefix. */
export type OpenSource = (
  text: string,
  options: OpenOptions & { platform: Platform; isPlatformGiven: boolean },
) => Promise<Image>;
