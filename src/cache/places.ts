/** Where steps of other machines are looked up. */
export type CacheSource =
  /** A cache, or an image that holds one inline. */
  { type: 'registry'; ref: string; insecure?: boolean } | { type: 'local'; path: string; tag?: string };

/** Where steps are kept for other machines. */
export type CacheTarget =
  | ({ type: 'registry'; ref: string; insecure?: boolean } & CacheTargetOptions)
  | ({ type: 'local'; path: string; tag?: string } & CacheTargetOptions)
  /** In the config of the image itself: the steps of its own layers. */
  | { type: 'inline' };

interface CacheTargetOptions {
  /** `max`: all steps of the build; `min`, the default: those whose layers are in the image. */
  mode?: 'min' | 'max';
  /** A failure is a warning. */
  ignoreError?: boolean;
}
