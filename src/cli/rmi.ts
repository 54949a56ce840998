import { parseArgs } from 'node:util';
import { JettisonError } from '../errors/error.ts';
import { canonicalName, familiarName, parseReference } from '../image/reference.ts';
import type { StoredImage } from '../store/images.ts';
import { findImage, readImage } from '../store/lookup.ts';
import { openStore, type Store } from '../store/store.ts';
import type { Command, Io } from './command.ts';
import { usageError } from './usage.ts';

const help = `Usage: jettison rmi [OPTIONS] IMAGE...

Takes names from images; an image without any name left is deleted. What its layers take is freed by
\`jettison prune\`, and by \`jettison builder prune\` as far as they are build cache.

Options:
  -f, --force  Delete an image given by its id though it has several names; ignore images that
               do not exist
`;

async function run(args: string[], io: Io): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { force: { type: 'boolean', short: 'f' } },
  });
  if (positionals.length === 0)
    throw usageError('rmi needs an image', 'usage: jettison rmi [OPTIONS] IMAGE...');
  const store = openStore({ env: io.env });
  const end = await store.leases.use(io.signal);
  let failure: JettisonError | undefined;
  try {
    for (const text of positionals) {
      try {
        removeImage(store, text, values.force === true, io);
      } catch (error) {
        // The others are removed all the same.
        if (!(error instanceof JettisonError)) throw error;
        if (!(values.force && error.code === 'IMAGE_UNKNOWN')) failure ??= error;
      }
    }
  } finally {
    end();
    store.close();
  }
  if (failure !== undefined) throw failure;
  return 0;
}

function removeImage(store: Store, text: string, force: boolean, io: Io): void {
  const named = byName(store, text);
  if (named !== undefined) {
    store.images.remove(named);
    io.stdout.write(`Untagged: ${familiarName(named.name!)}\n`);
    const left = store.images.list().some(({ manifest }) => manifest.digest === named.manifest.digest);
    if (!left) io.stdout.write(`Deleted: ${idOf(store, named)}\n`);
    return;
  }
  const image = findImage(store, text);
  if (image.names.length > 1 && !force) {
    throw new JettisonError('IMAGE_IN_USE', `the image ${text} has several names`, {
      hint: `Remove them one by one (${image.names.map((name) => familiarName(name)).join(', ')}), or all with -f.`,
    });
  }
  for (const entry of image.entries) {
    store.images.remove(entry);
    if (entry.name !== undefined) io.stdout.write(`Untagged: ${familiarName(entry.name)}\n`);
  }
  io.stdout.write(`Deleted: ${image.id}\n`);
}

/** The image id; of a damaged image the digest of what it should be. */
function idOf(store: Store, { manifest }: StoredImage): string {
  try {
    return readImage(store, manifest).id;
  } catch (error) {
    if (error instanceof JettisonError) return manifest.digest;
    throw error;
  }
}

/** The entry of a name, read without looking at the image: damaged ones can be removed, too. */
function byName(store: Store, text: string): StoredImage | undefined {
  try {
    const reference = parseReference(text);
    return reference.digest === undefined ? store.images.get(canonicalName(reference)) : undefined;
  } catch (error) {
    if (error instanceof JettisonError && error.code === 'REFERENCE_INVALID') return undefined;
    throw error;
  }
}

export const command: Command = { help, run };
