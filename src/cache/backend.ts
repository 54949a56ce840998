import { usageError } from '../errors/error.ts';
import { alwaysTrue, type Keys, toggle } from '../fields/keys.ts';
import type { Registries } from '../registry/registries.ts';
import type { Store } from '../store/store.ts';
import type { SharedStep } from './export-cache.ts';
import type { CachePlace } from './place.ts';

interface Backend<L extends { type: string }> {
  readonly type: L['type'];
  /** Syntax, and one sentence of help: Markdown. */
  readonly usage: string;
  readonly help: string;
  /** Keys of `--cache-to`. */
  readonly to: Keys<L>;
}

/**
 * A cache backend with places of its own: one file in `backends/`, one line in `backends.ts`. The parsers of
 * `--cache-from` and `--cache-to` are made from it.
 */
export interface PlaceBackend<L extends { type: string }> extends Backend<L> {
  readonly kind: 'place';
  /** Keys of `--cache-from`. */
  readonly from: Keys<L>;
  /** The place's name in messages. */
  label(location: L): string;
  /** Opens the place without reading it; imports code that only this backend needs. */
  open(location: L, services: CacheServices): Promise<CachePlace>;
}

/** A cache backend that writes the steps of an image's layers into the image. */
export interface ImageBackend<L extends { type: string }> extends Backend<L> {
  readonly kind: 'image';
  /** Members for the image's config. */
  members(steps: readonly SharedStep[]): Promise<Record<string, unknown>>;
}

export interface CacheServices {
  store: Store;
  /** @param insecure accept any certificate, and plain http */
  registries(insecure: boolean): Promise<Registries>;
}

/** Options of `--cache-from` for all backends. */
export interface CacheSourceOptions {
  /** `false`: the contents of cache mounts are not imported from here. */
  cacheMounts?: boolean;
}

/** Options of `--cache-to` for all backends. */
export interface CacheTargetOptions {
  /** `max`: all steps of the build; `min`, the default: those whose layers are in the image. */
  mode?: 'min' | 'max';
  /** A failure is a warning. */
  ignoreError?: boolean;
  /** The contents of the build's cache mounts are exported, too. */
  cacheMounts?: boolean;
}

export const SOURCE_KEYS: Keys<CacheSourceOptions> = {
  'cache-mounts': toggle(
    'cacheMounts',
    'With `false`, the contents of [cache mounts](#cache-mounts) are not fetched.',
  ),
};

export const TARGET_KEYS: Keys<CacheTargetOptions> = {
  mode: {
    value: 'min|max',
    help: 'Keeps the steps whose layers are in the image (`min`, the default), or those of all stages that the build needs.',
    set(options, value) {
      if (value !== 'min' && value !== 'max')
        throw usageError(`unknown cache mode "${value}"`, 'The modes are min and max.');
      options.mode = value;
    },
  },
  'cache-mounts': toggle(
    'cacheMounts',
    "Keeps the contents of the build's [cache mounts](#cache-mounts), too.",
  ),
  'ignore-error': toggle(
    'ignoreError',
    'A cache that cannot be written is a warning. Without it the build ends with exit code 1, after the image was stored.',
  ),
  'image-manifest': alwaysTrue('Caches are OCI image manifests.'),
  'oci-mediatypes': alwaysTrue('Caches are OCI image manifests.'),
};
