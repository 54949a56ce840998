/** Where steps of other machines are looked up. */
export type CacheSource = CacheSourceOptions & (RegistryCache | FolderCache);

/** Where steps are kept for other machines. */
export type CacheTarget =
  | (CacheTargetOptions & (RegistryCache | FolderCache))
  /** In the config of the image itself: the steps of its own layers. */
  | { type: 'inline' };

/** A place of its own for a cache. `place.ts` says what one has to be able to do, `open-place.ts` opens it. */
export type CacheLocation = RegistryCache | FolderCache;

/** A cache, or (only to be read) an image that holds one inline. */
export interface RegistryCache {
  type: 'registry';
  ref: string;
  insecure?: boolean;
}

export interface FolderCache {
  type: 'local';
  /** Absolute. */
  path: string;
  /** Keeps several caches of one folder apart; default `latest`. */
  tag?: string;
}

interface CacheSourceOptions {
  /** `false`: commands do not get the contents of cache mounts from here. */
  cacheMounts?: boolean;
}

interface CacheTargetOptions {
  /** `max`: all steps of the build; `min`, the default: those whose layers are in the image. */
  mode?: 'min' | 'max';
  /** A failure is a warning. */
  ignoreError?: boolean;
  /** The contents of the build's cache mounts are kept, too. */
  cacheMounts?: boolean;
}

/** What people know a place as. */
export function placeName(location: CacheLocation): string {
  if (location.type === 'registry') return location.ref;
  const { path, tag } = location;
  return tag === undefined ? path : `${path} (${tag})`;
}
