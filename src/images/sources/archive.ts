import { createReadStream, createWriteStream, rmSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { JettisonError } from '../../errors/error.ts';
import { sha256 } from '../../image/digest.ts';
import type { Image, Layer } from '../../image/image.ts';
import { readConfig } from '../../image/sound.ts';
import { MEDIA } from '../../image/types.ts';
import { compressionOfFile, decompress } from '../../layer/decompress.ts';
import { type DockerEntry, readDockerManifest } from '../../layout/docker-manifest.ts';
import { ImageLayout } from '../../layout/image-layout.ts';
import { TarFile } from '../../layout/tar-file.ts';
import { temporaryPath } from '../../store/temporary.ts';
import { imageOf } from '../image-of.ts';
import type { OpenOptions, OpenSource } from '../open-source.ts';

type ArchiveOptions = Pick<OpenOptions, 'store' | 'signal'>;

/** Codes of errors that say that a file is not a tar, whose name they do not know. */
const NOT_A_TAR = new Set(['TAR_INVALID', 'COMPRESSION_INVALID']);

/**
 * An image of an archive, read where it is; one that is compressed, or comes through a pipe, is first written to the
 * store's temporary folder.
 *
 * @param text `docker-archive:FILE` or `oci-archive:FILE`, of several images with `:TAG` or `:NAME` behind it
 * @throws JettisonError `ARCHIVE_INVALID`, `TAR_INVALID`, `DIGEST_MISMATCH`
 */
export const open: OpenSource = async (text, options) => {
  const { path, which } = split(text.slice(text.indexOf(':') + 1), options.cwd);
  return openArchive(path, { ...options, label: text, which });
};

/** @param options.which a tag or a name, where the archive has several images */
export async function openArchive(
  path: string,
  options: Parameters<OpenSource>[1] & { label: string; which?: string | undefined },
): Promise<Image> {
  const { label, which, platform } = options;
  const { file, close } = await openTar(path, options);
  try {
    const docker = file.read('manifest.json', 'archive-json');
    const layout = layoutIn(file, path);
    if (layout !== undefined) {
      return imageOf(layout, layout.choose(which), { name: path, label, platform, close });
    }
    if (docker !== undefined) {
      return dockerImage(file, chooseEntry(readDockerManifest(docker), which, path), { label, close });
    }
    throw new JettisonError(
      'ARCHIVE_INVALID',
      `${path} is not an image archive: it has neither index.json nor manifest.json`,
      {
        hint: 'What `docker export` wrote is a file system: unpack it, and open it as dir:PATH.',
      },
    );
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * The OCI layout of an archive; undefined: it has the form of `docker save` before version 25.
 *
 * @param text as for `open`
 * @throws JettisonError `ARCHIVE_INVALID`, `TAR_INVALID`
 */
export async function openArchivedLayout(
  text: string,
  options: ArchiveOptions & Pick<OpenOptions, 'cwd'>,
): Promise<{ layout: ImageLayout | undefined; which: string | undefined; close: () => Promise<void> }> {
  const { path, which } = split(text.slice(text.indexOf(':') + 1), options.cwd);
  const { file, close } = await openTar(path, options);
  return { layout: layoutIn(file, path), which, close };
}

function layoutIn(file: TarFile, path: string): ImageLayout | undefined {
  if (file.size('index.json') === undefined) return undefined;
  return new ImageLayout(file, path, (reason, hint = 'Save the image again.') => {
    return new JettisonError('ARCHIVE_INVALID', `${path} cannot be used: ${reason}`, { hint });
  });
}

async function openTar(
  path: string,
  options: ArchiveOptions,
): Promise<{ file: TarFile; close: () => Promise<void> }> {
  const { file, remove } = await plainTar(path, options).catch((error: unknown) => {
    if (!(error instanceof JettisonError) || !NOT_A_TAR.has(error.code)) throw error;
    throw error.with({
      message: `${path} is not an image archive: ${error.message}`,
      hint: 'Give what `docker save -o FILE` or `jettison save -o FILE` wrote.',
    });
  });
  const close = async () => {
    file.close();
    remove();
  };
  return { file, close };
}

/** What `docker save` wrote before version 25: layers as plain tars, named by the entry. */
function dockerImage(
  file: TarFile,
  entry: DockerEntry,
  { label, close }: { label: string; close: () => Promise<void> },
): Image {
  const bytes = file.read(entry.Config, 'config-size') ?? lacks(file.path, entry.Config);
  const config = readConfig(bytes, `${entry.Config} in ${file.path}`);
  const id = sha256(bytes);
  const { diff_ids: diffIds } = config.rootfs;
  if (diffIds.length !== entry.Layers.length) {
    throw new JettisonError(
      'ARCHIVE_INVALID',
      `${file.path} has ${entry.Layers.length} layers, and its config names ${diffIds.length}`,
      {
        hint: 'Save the image again with all its layers.',
      },
    );
  }
  const layers = entry.Layers.map((name, at): Layer => {
    const diffId = diffIds[at]!;
    const size = file.size(name) ?? lacks(file.path, name);
    return {
      diffId,
      blob: { mediaType: MEDIA.ociLayer, digest: diffId, size },
      open: () => file.open(name),
    };
  });
  const descriptor = { mediaType: MEDIA.ociConfig, digest: id, size: bytes.length };
  return { label, descriptor, id, config, layers, close };
}

function chooseEntry(entries: DockerEntry[], which: string | undefined, path: string): DockerEntry {
  const names = entries.flatMap(({ RepoTags }) => RepoTags ?? []);
  const found =
    which === undefined
      ? entries.length === 1
        ? entries[0]
        : undefined
      : entries.find(({ RepoTags }) =>
          RepoTags?.some((name) => name === which || name.endsWith(`:${which}`)),
        );
  if (found !== undefined) return found;
  throw new JettisonError(
    'ARCHIVE_INVALID',
    which === undefined ? `${path} has ${entries.length} images` : `${path} has no image "${which}"`,
    { hint: names.length === 0 ? 'Save one image alone.' : `Name one behind a colon: ${names.join(', ')}.` },
  );
}

/** A tar that can be read from any place. */
async function plainTar(
  path: string,
  { store, signal }: ArchiveOptions,
): Promise<{ file: TarFile; remove: () => void }> {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined && path !== '/dev/stdin') {
    throw new JettisonError('ARCHIVE_INVALID', `${path} does not exist`, {
      hint: 'Give what `docker save -o FILE` or `jettison save -o FILE` wrote.',
    });
  }
  if (stat?.isDirectory()) {
    throw new JettisonError('ARCHIVE_INVALID', `${path} is a directory`, {
      hint: `Open it as oci:${path} or dir:${path}.`,
    });
  }
  if (stat?.isFile() && compressionOfFile(path) === 'none')
    return { file: TarFile.open(path), remove: () => {} };
  const copy = temporaryPath(store.layout, 'archive');
  const remove = () => rmSync(copy, { force: true });
  try {
    await pipeline(decompress(createReadStream(path) as AsyncIterable<Buffer>), createWriteStream(copy), {
      signal,
    });
    return { file: TarFile.open(copy), remove };
  } catch (error) {
    remove();
    throw error;
  }
}

/** `FILE[:TAG]`: a file may have a colon in its name. */
function split(text: string, cwd: string): { path: string; which?: string } {
  const path = text === '-' ? '/dev/stdin' : resolve(cwd, text);
  const colon = text.indexOf(':');
  if (colon < 1 || statSync(path, { throwIfNoEntry: false }) !== undefined) return { path };
  return { path: resolve(cwd, text.slice(0, colon)), which: text.slice(colon + 1) };
}

function lacks(path: string, name: string): never {
  throw new JettisonError('ARCHIVE_INVALID', `${path} is incomplete: it lacks ${name}`, {
    hint: 'Save the image again with all its layers.',
  });
}
