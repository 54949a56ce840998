import { JettisonError } from '../errors/error.ts';
import type { Image } from '../image/image.ts';
import { hostPlatform } from '../image/platform.ts';
import type { OpenOptions, OpenSource } from './open-source.ts';

/** Where images can be: a prefix, what it stands for, and the file that opens it, loaded when it is asked for. */
const SOURCES: Record<string, { form: string; help: string; load: () => Promise<{ open: OpenSource }> }> = {
  'docker-archive': {
    form: 'docker-archive:FILE',
    help: 'what `docker save` wrote; `-` for standard input',
    load: () => import('./sources/archive.ts'),
  },
  'oci-archive': {
    form: 'oci-archive:FILE[:TAG]',
    help: 'an OCI layout in a tar',
    load: () => import('./sources/archive.ts'),
  },
  oci: {
    form: 'oci:DIR[:TAG]',
    help: 'an OCI layout',
    load: () => import('./sources/layout.ts'),
  },
  docker: {
    form: 'docker://NAME',
    help: 'an image of a running Docker',
    load: () => import('./sources/engine.ts'),
  },
  podman: {
    form: 'podman://NAME',
    help: 'an image of a running Podman',
    load: () => import('./sources/engine.ts'),
  },
  registry: {
    form: 'registry://NAME',
    help: 'an image of a registry, without pulling it',
    load: () => import('./sources/registry.ts'),
  },
  dir: {
    form: 'dir:PATH',
    help: 'a directory, as an image of one layer',
    load: () => import('./sources/directory.ts'),
  },
};

/**
 * Opens an image, wherever it is.
 *
 * @param text a name or an id of the store, a name that a registry has, or one of `SOURCES`' forms
 * @throws JettisonError `IMAGE_UNKNOWN`, `ARCHIVE_INVALID`, `OCI_LAYOUT`, `ENGINE_…`, `REGISTRY_…`
 */
export async function openImage(text: string, options: OpenOptions): Promise<Image> {
  const platform = options.platform ?? hostPlatform();
  const given = { ...options, platform, isPlatformGiven: options.platform !== undefined };
  const [, prefix = '', rest = ''] = /^([a-z-]+):(?:\/\/)?(.*)$/s.exec(text) ?? [];
  const source = Object.hasOwn(SOURCES, prefix) ? SOURCES[prefix] : undefined;
  if (source !== undefined && !(await isStored(text, options))) {
    if (rest === '') {
      throw new JettisonError('IMAGE_UNKNOWN', `invalid image name "${text}"`, {
        hint: `Write ${source.form}.`,
        exitCode: 2,
      });
    }
    return (await source.load()).open(text, given);
  }
  if (options.remote) {
    return (await import('./sources/registry.ts')).open(`registry://${text}`, given);
  }
  return (await import('./sources/store.ts')).open(text, given);
}

/** `docker:20` is a name, too: of an image that the store has. */
async function isStored(text: string, { store }: OpenOptions): Promise<boolean> {
  if (text.includes('://') || /^(docker-archive|oci-archive|dir):/.test(text)) return false;
  const { findImage } = await import('../store/lookup.ts');
  try {
    findImage(store, text);
    return true;
  } catch (error) {
    if (error instanceof JettisonError) return false;
    throw error;
  }
}
