import { parseArgs } from 'node:util';
import { JettisonError } from '../../errors/error.ts';
import { size } from '../../events/units.ts';
import { formatPlatform } from '../../image/platform.ts';
import { canonicalName, familiarName, parseReference, type Reference } from '../../image/reference.ts';
import type { Descriptor, Index } from '../../image/types.ts';
import { pushImage } from '../../registry/push.ts';
import { Registries } from '../../registry/registries.ts';
import { findImage, isIndex, readImage } from '../../store/lookup.ts';
import { openStore, type Store } from '../../store/store.ts';
import type { Command, Io } from '../command.ts';
import { TransferView } from '../print/transfer-progress.ts';
import { usageError } from '../usage.ts';

const help = `Usage: jettison push [OPTIONS] NAME[:TAG]

Sends an image of the store to the registry that its name begins with (Docker Hub, where it begins with
none). Only what the registry lacks is sent: layers that it holds already stay, those that another of its
repositories holds are taken from there.

Options:
  -a, --all-tags            Push all tags of the repository NAME that the store has
  -q, --quiet               Print only the digest
      --registry-insecure   Accept any certificate, and plain http

Log in with \`jettison login\` or \`docker login\`.

Examples:
  jettison tag app registry.example.com/team/app:1.0
  jettison push registry.example.com/team/app:1.0
`;

async function run(args: string[], io: Io): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      'all-tags': { type: 'boolean', short: 'a' },
      quiet: { type: 'boolean', short: 'q' },
      'registry-insecure': { type: 'boolean' },
    },
  });
  const [name, ...rest] = positionals;
  if (name === undefined || rest.length > 0) {
    throw usageError('push takes one name', 'usage: jettison push [OPTIONS] NAME[:TAG]');
  }
  const registries = new Registries({
    env: io.env,
    insecure: values['registry-insecure'] === true,
    signal: io.signal,
  });
  const store = openStore({ env: io.env });
  const end = await store.leases.use(io.signal);
  try {
    const names = values['all-tags'] ? allTags(store, name) : [named(store, name)];
    for (const { reference, target } of names) {
      const view = new TransferView(io, 'push');
      try {
        const image = whole(store, reference, target, io);
        const onProgress = values.quiet ? undefined : view.onProgress;
        const { digest, uploaded } = await pushImage(store, registries, reference, image, onProgress);
        view.end();
        if (values.quiet) io.stdout.write(`${digest}\n`);
        else {
          const tag = reference.tag ?? reference.digest;
          io.stdout.write(`${tag}: digest: ${digest} size: ${image.size} (${size(uploaded)} sent)\n`);
        }
      } finally {
        view.end();
      }
    }
    return 0;
  } finally {
    registries.close();
    end();
    store.close();
  }
}

interface Named {
  reference: Reference;
  target: Descriptor;
}

function named(store: Store, name: string): Named {
  const reference = parseReference(name);
  const stored = store.images.get(canonicalName(reference));
  if (stored !== undefined) return { reference, target: stored.manifest };
  // Throws, with the names that may have been meant, unless the name is an id.
  findImage(store, name);
  throw new JettisonError('REFERENCE_INVALID', `"${name}" is not the name of an image`, {
    hint: 'An image is pushed by its name, which says where to: give it one with `jettison tag`.',
  });
}

function allTags(store: Store, name: string): Named[] {
  const { registry, repository } = parseReference(name);
  if (name.lastIndexOf(':') > name.lastIndexOf('/') || name.includes('@')) {
    throw usageError('--all-tags takes a name without a tag', 'leave the tag out');
  }
  const found = store.images.list().flatMap(({ name: stored, manifest }) => {
    const reference = stored === undefined ? undefined : parseReference(stored);
    const isOne = reference?.registry === registry && reference.repository === repository;
    return isOne && reference.digest === undefined ? [{ reference, target: manifest }] : [];
  });
  if (found.length === 0) {
    throw new JettisonError('IMAGE_UNKNOWN', `there is no image of the repository ${name} in the store`, {
      hint: 'See `jettison images` for what there is.',
    });
  }
  return found;
}

/** An index of which only some images were ever pulled cannot be pushed: the image for this machine is. */
function whole(store: Store, reference: Reference, target: Descriptor, io: Io): Descriptor {
  if (!isIndex(target)) return target;
  const { manifests } = store.blobs.readJson<Index>(target.digest);
  if (manifests.every(({ digest }) => store.blobs.has(digest))) return target;
  const { descriptor, config } = readImage(store, target);
  io.stderr.write(
    `warning: the store has only some images of ${familiarName(reference)}: pushing the one for ${formatPlatform(config)}\n`,
  );
  return descriptor;
}

export const command: Command = { help, run };
