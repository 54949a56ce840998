import { parsePlatform } from '../image/platform.ts';
import type { Store } from '../store/store.ts';
import { describe, type ImageDescription } from './describe.ts';
import { diff, type ImageDiff } from './diff.ts';
import type { LayerCompanion } from './inspect.ts';
import { inspectImages } from './inspect-images.ts';
import type { Inspection } from './inspection.ts';

/** Where images are searched, and where the facts of their layers are stored. */
export interface LookOptions {
  /** The store's folder; default as for builds. It keeps the facts of layers. */
  home?: string;
  /** Of an image for several platforms this one, e.g. `linux/arm64`; default: this machine's. */
  platform?: string;
  /** Ask the registry, whatever the store has. */
  remote?: boolean;
  /** Accept any certificate of registries, and plain http. */
  registryInsecure?: boolean;
  env?: NodeJS.ProcessEnv;
  /** Relative paths start here; default: the process's directory. */
  cwd?: string;
  signal?: AbortSignal;
}

export interface DescribeOptions extends LookOptions {
  /** List every file, too. */
  files?: boolean;
}

export interface DiffOptions extends LookOptions {
  /** A path that differs in its time alone is changed, too. */
  times?: boolean;
}

/**
 * All facts of an image, of any source: see `ImageDescription`, and schemas/image.schema.json.
 *
 * @param image a name or an id of the store, the name of an image in a registry, or `docker-archive:FILE`,
 * `oci-archive:FILE`, `oci:DIR[:TAG]`, `docker://NAME`, `podman://NAME`, `registry://NAME`, `dir:PATH`
 * @throws JettisonError `IMAGE_UNKNOWN`, `ARCHIVE_INVALID`, `OCI_LAYOUT`, `ENGINE_…`, `REGISTRY_…`, `DIGEST_MISMATCH`
 */
export async function describeImage(image: string, options: DescribeOptions = {}): Promise<ImageDescription> {
  return look([image], options, ([one]) => describe(one!, { files: options.files ?? false }));
}

/**
 * How two images differ, and the cause of each difference: see `ImageDiff`.
 *
 * @param from as for `describeImage`
 * @throws JettisonError as `describeImage`
 */
export async function diffImages(from: string, to: string, options: DiffOptions = {}): Promise<ImageDiff> {
  return look([from, to], options, ([a, b]) => diff(a!, b!, { times: options.times ?? false }));
}

/** Opens and inspects images for a function of the library. @param companion another look at their layers */
export async function look<T>(
  names: readonly string[],
  {
    home,
    env = process.env,
    cwd = process.cwd(),
    signal = new AbortController().signal,
    ...options
  }: LookOptions,
  use: (inspections: Inspection[], store: Store) => T,
  companion?: LayerCompanion,
): Promise<T> {
  const where = {
    ...{ env, cwd, signal, remote: options.remote ?? false, insecure: options.registryInsecure ?? false },
    ...(home !== undefined && { home }),
    platform: options.platform === undefined ? undefined : parsePlatform(options.platform),
    ...(companion && { companion }),
  };
  return inspectImages(names, where, use);
}
