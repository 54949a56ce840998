import { parseArgs } from 'node:util';
import { JettisonError } from '../../errors/error.ts';
import { canonicalName, familiarName, parseReference } from '../../image/reference.ts';
import type { StoredImage } from '../../store/images.ts';
import { findImage, readImage } from '../../store/lookup.ts';
import { openStore, type Store } from '../../store/store.ts';
import type { Command, Io } from '../command.ts';
import { printJson } from '../print/list-output.ts';
import { usageError } from '../usage.ts';

const help = `Usage: jettison rmi [OPTIONS] IMAGE...

Takes names from images; an image without any name left is deleted. What its layers take is freed by
\`jettison prune\`, and by \`jettison builder prune\` as far as they are build cache.

Options:
  -f, --force  Delete an image given by its id though it has several names; ignore images that
               do not exist
      --json   Print what was done as JSON
`;

async function run(args: string[], io: Io): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { force: { type: 'boolean', short: 'f' }, json: { type: 'boolean' } },
  });
  if (positionals.length === 0)
    throw usageError('rmi needs an image', 'usage: jettison rmi [OPTIONS] IMAGE...');
  const store = openStore({ env: io.env });
  const end = await store.leases.use(io.signal);
  const done: Done[] = [];
  let failure: JettisonError | undefined;
  try {
    for (const text of positionals) {
      try {
        const now = removeImage(store, text, values.force === true);
        done.push(...now);
        if (!values.json) io.stdout.write(now.map(told).join(''));
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
  if (values.json) printJson(io, done);
  if (failure !== undefined) throw failure;
  return 0;
}

/** A name that was taken, or an image that is no more. */
type Done = { untagged: string } | { deleted: string };

function told(done: Done): string {
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
