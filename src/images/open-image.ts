import { JettisonError } from '../errors/error.ts';
import type { Image } from '../image/image.ts';
import { hostPlatform } from '../image/platform.ts';
import type { OpenOptions, OpenSource } from './open-source.ts';

interface Source {
  /** How an image is written there. */
  form: string;
  /** `PREFIX:…` may also be the name of an image of the store, with its tag. */
  mayBeName?: true;
  /** Its manifests and indexes are the image's own: see `openDocuments`. */
  hasDocuments?: true;
  /** Loaded when it is asked for. */
  load: () => Promise<{ open: OpenSource }>;
}

/** Where images can be, by prefix: one line a source. */
const SOURCES: Record<string, Source> = {
  'docker-archive': {
    form: 'docker-archive:FILE',
    hasDocuments: true,
    load: () => import('./sources/archive.ts'),
  },
  'oci-archive': {
    form: 'oci-archive:FILE[:TAG]',
    hasDocuments: true,
    load: () => import('./sources/archive.ts'),
  },
  oci: {
    form: 'oci:DIR[:TAG]',
    mayBeName: true,
    hasDocuments: true,
    load: () => import('./sources/layout.ts'),
  },
  dir: { form: 'dir:PATH', load: () => import('./sources/directory.ts') },
  docker: { form: 'docker://NAME', mayBeName: true, load: () => import('./sources/engine.ts') },
  podman: { form: 'podman://NAME', mayBeName: true, load: () => import('./sources/engine.ts') },
  registry: {
    form: 'registry://NAME',
    mayBeName: true,
    hasDocuments: true,
    load: () => import('./sources/registry.ts'),
  },
};

/** For help texts: forms of images with documents, besides names and ids. */
export const DOCUMENT_FORMS = Object.values(SOURCES).flatMap(({ form, hasDocuments }) =>
  hasDocuments ? [form] : [],
);
/** For help texts: all forms but names and ids. */
export const SOURCE_FORMS = Object.values(SOURCES).map(({ form }) => form);

/**
 * Opens an image, wherever it is.
 *
 * @param text a name or an id of the store, a name that a registry has, or one of `SOURCES`' forms
 * @throws JettisonError `IMAGE_UNKNOWN`, `ARCHIVE_INVALID`, `OCI_LAYOUT`, `ENGINE_…`, `REGISTRY_…`
 */
export async function openImage(text: string, options: OpenOptions): Promise<Image> {
  const platform = options.platform ?? hostPlatform();
  const given = { ...options, platform, isPlatformGiven: options.platform !== undefined };
  const prefix = await prefixOf(text, options);
  if (prefix !== undefined) return (await SOURCES[prefix]!.load()).open(text, given);
  if (options.remote) {
    return (await import('./sources/registry.ts')).open(`registry://${text}`, given);
  }
  return (await import('./sources/store.ts')).open(text, given);
}

/**
 * The prefix that says where an image is; undefined: the text is a name or an id.
 *
 * @throws JettisonError `IMAGE_UNKNOWN` where nothing is behind it
 */
export async function prefixOf(
  text: string,
  options: Pick<OpenOptions, 'store'>,
): Promise<string | undefined> {
  const [, prefix = '', rest = ''] = /^([a-z-]+):(?:\/\/)?(.*)$/s.exec(text) ?? [];
  const source = Object.hasOwn(SOURCES, prefix) ? SOURCES[prefix] : undefined;
  if (source === undefined) return undefined;
  if (source.mayBeName && !text.includes('://') && (await isStored(text, options))) return undefined;
  if (rest !== '') return prefix;
  throw new JettisonError('IMAGE_UNKNOWN', `invalid image name "${text}"`, {
    hint: `Write ${source.form}.`,
    exitCode: 2,
  });
}

/** `docker:20` is a name, too: of an image that the store has. */
async function isStored(text: string, { store }: Pick<OpenOptions, 'store'>): Promise<boolean> {
  const { findImage } = await import('../store/lookup.ts');
  try {
    findImage(store, text);
    return true;
  } catch (error) {
    if (error instanceof JettisonError) return false;
    throw error;
  }
}
