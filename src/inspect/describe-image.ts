import { parsePlatform } from '../image/platform.ts';
import { openImage } from '../images/open-image.ts';
import { Registries } from '../registry/registries.ts';
import { openStore } from '../store/store.ts';
import { describe, type ImageDescription } from './describe.ts';
import { inspect } from './inspect.ts';

export interface DescribeOptions {
  /** The store's folder; default as for builds. What is found out about layers is kept there. */
  home?: string;
  /** Of an image for several platforms this one, e.g. `linux/arm64`; default: this machine's. */
  platform?: string;
  /** Ask the registry, whatever the store has. */
  remote?: boolean;
  /** List every file, too. */
  files?: boolean;
  /** Accept any certificate of registries, and plain http. */
  registryInsecure?: boolean;
  env?: NodeJS.ProcessEnv;
  /** Relative paths start here; default: the process's directory. */
  cwd?: string;
  signal?: AbortSignal;
}

/**
 * Everything that is known of an image, wherever it is: see `ImageDescription`.
 *
 * @param image a name or an id of the store, the name of an image in a registry, or `docker-archive:FILE`,
 * `oci-archive:FILE`, `oci:DIR[:TAG]`, `docker://NAME`, `podman://NAME`, `registry://NAME`, `dir:PATH`
 * @throws JettisonError `IMAGE_UNKNOWN`, `ARCHIVE_INVALID`, `OCI_LAYOUT`, `ENGINE_…`, `REGISTRY_…`, `DIGEST_MISMATCH`
 */
export async function describeImage(image: string, options: DescribeOptions = {}): Promise<ImageDescription> {
  const { home, env = process.env, signal = new AbortController().signal } = options;
  const store = openStore({ env, ...(home !== undefined && { home }) });
  const registries = new Registries({ env, signal, insecure: options.registryInsecure ?? false });
  try {
    const opened = await openImage(image, {
      ...{
        store,
        registries,
        env,
        signal,
        cwd: options.cwd ?? process.cwd(),
        remote: options.remote ?? false,
      },
      ...(options.platform !== undefined && { platform: parsePlatform(options.platform) }),
    });
    try {
      return describe(await inspect(opened, { store, signal }), { files: options.files ?? false });
    } finally {
      await opened.close();
    }
  } finally {
    registries.close();
    store.close();
  }
}
