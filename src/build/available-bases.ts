import { JettisonError } from '../errors/error.ts';
import type { ImageRequest } from '../plan/input.ts';
import type { BaseImage } from '../plan/plan.ts';
import { BaseImages } from '../solve/base-images.ts';
import type { Store } from '../store/store.ts';

/** Base images of the store and of registries. */
export class AvailableBases {
  readonly #bases: BaseImages;

  constructor(store: Store, env: NodeJS.ProcessEnv, signal: AbortSignal | undefined, pull = false) {
    this.#bases = new BaseImages({ store, env, pull, signal: signal ?? new AbortController().signal });
  }

  /** @returns undefined for an image that is not available */
  async resolve(request: ImageRequest): Promise<BaseImage | undefined> {
    try {
      return await this.#bases.resolve(request);
    } catch (error) {
      if (error instanceof JettisonError && error.code === 'BASE_UNKNOWN') return undefined;
      throw error;
    }
  }
}
