import { JettisonError } from '../../errors/error.ts';
import { canonicalName, familiarName, parseReference } from '../../image/reference.ts';
import type { StoredImage } from '../../store/images.ts';
import { findImage, readImage } from '../../store/lookup.ts';
import { type Store, useStore } from '../../store/store.ts';
import { defineCommand } from '../command.ts';
import { printJson } from '../print/list-output.ts';

/** A removed name, or a deleted image. */
type Done = { untagged: string } | { deleted: string };

function doneText(done: Done): string {
  return 'untagged' in done ? `Untagged: ${done.untagged}\n` : `Deleted: ${done.deleted}\n`;
}

function removeImage(store: Store, text: string, force: boolean): Done[] {
  const named = byName(store, text);
  if (named !== undefined) {
    store.images.remove(named);
    const untagged = { untagged: familiarName(named.name!) };
    const left = store.images.list().some(({ manifest }) => manifest.digest === named.manifest.digest);
    return left ? [untagged] : [untagged, { deleted: idOf(store, named) }];
  }
  const image = findImage(store, text);
  if (image.names.length > 1 && !force) {
    throw new JettisonError('IMAGE_IN_USE', `the image ${text} has several names`, {
      hint: `Remove them one by one (${image.names.map((name) => familiarName(name)).join(', ')}), or all with -f.`,
    });
  }
  for (const entry of image.entries) store.images.remove(entry);
  return [...image.names.map((name) => ({ untagged: familiarName(name) })), { deleted: image.id }];
}

/** The image id; the digest of the manifest for a damaged image. */
function idOf(store: Store, { manifest }: StoredImage): string {
  try {
    return readImage(store, manifest).id;
  } catch (error) {
    if (error instanceof JettisonError) return manifest.digest;
    throw error;
  }
}

/** The entry of a name, read without the image: damaged ones can be removed, too. */
function byName(store: Store, text: string): StoredImage | undefined {
  try {
    const reference = parseReference(text);
    return reference.digest === undefined ? store.images.get(canonicalName(reference)) : undefined;
  } catch (error) {
    if (error instanceof JettisonError && error.code === 'REFERENCE_INVALID') return undefined;
    throw error;
  }
}

export const command = defineCommand({
  usage: 'jettison rmi [OPTIONS] IMAGE...',
  about: `Removes names from images; an image without any name left is deleted. \`jettison prune\` frees the space of its
layers, and \`jettison builder prune\` that of layers which are build cache.`,
  flags: {
    force: {
      short: 'f',
      help: 'Delete an image given by its id though it has several names; ignore images that do not exist',
    },
    json: { help: 'Print the removed names and deleted images as JSON' },
  },
  async run({ flags, args, io }) {
    const done: Done[] = [];
    let failure: JettisonError | undefined;
    await useStore(io, (store) => {
      for (const text of args) {
        try {
          const now = removeImage(store, text, flags.force);
          done.push(...now);
          if (!flags.json) io.stdout.write(now.map(doneText).join(''));
        } catch (error) {
          // The others are still removed.
          if (!(error instanceof JettisonError)) throw error;
          if (!(flags.force && error.code === 'IMAGE_UNKNOWN')) failure ??= error;
        }
      }
    });
    if (flags.json) printJson(io, done);
    if (failure !== undefined) throw failure;
    return 0;
  },
});
