import { JettisonError, usageError } from '../../errors/error.ts';
import { size } from '../../events/units.ts';
import { imagesIn } from '../../image/attestation.ts';
import { formatPlatform } from '../../image/platform.ts';
import { canonicalName, familiarName, parseReference, type Reference } from '../../image/reference.ts';
import type { Descriptor, Index } from '../../image/types.ts';
import { pushImage } from '../../registry/push.ts';
import { type Registries, useRegistries } from '../../registry/registries.ts';
import { findImage, isIndex, readImage } from '../../store/lookup.ts';
import { type Store, useStore } from '../../store/store.ts';
import { defineCommand, type Io } from '../command.ts';
import { REGISTRY_FLAGS } from '../flags/common.ts';
import { TransferView } from '../print/transfer-progress.ts';

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
    hint: 'The name determines the registry: give the image one with `jettison tag`.',
  });
}

function allTags(store: Store, name: string): Named[] {
  const { registry, repository } = parseReference(name);
  if (name.lastIndexOf(':') > name.lastIndexOf('/') || name.includes('@')) {
    throw usageError(
      '--all-tags takes a name without a tag',
      'Leave the tag out: jettison push --all-tags NAME.',
    );
  }
  const found = store.images.list().flatMap(({ name: stored, manifest }) => {
    const reference = stored === undefined ? undefined : parseReference(stored);
    const isOne = reference?.registry === registry && reference.repository === repository;
    return isOne && reference.digest === undefined ? [{ reference, target: manifest }] : [];
  });
  if (found.length === 0) {
    throw new JettisonError('IMAGE_UNKNOWN', `the store has no image of the repository ${name}`, {
      hint: '`jettison images` lists the images.',
    });
  }
  return found;
}

/** The image to push. For an index of which the store lacks images, it is the image for this machine. */
function whole(store: Store, reference: Reference, target: Descriptor, io: Io): Descriptor {
  if (!isIndex(target)) return target;
  const { manifests } = store.blobs.readJson<Index>(target.digest);
  const lacking = manifests.filter(({ digest }) => !store.blobs.has(digest));
  if (lacking.length === 0) return target;
  const { descriptor, config } = readImage(store, target);
  const name = familiarName(reference);
  io.stderr.write(
    imagesIn(lacking).length === 0
      ? `warning: the store lacks attestations of ${name}: pushing the image for ${formatPlatform(config)} without them\n`
      : `warning: the store has only some images of ${name}: pushing the one for ${formatPlatform(config)}\n`,
  );
  return descriptor;
}

export const command = defineCommand({
  usage: 'jettison push [OPTIONS] NAME[:TAG]',
  about: `Sends an image of the store to the registry that its name begins with (Docker Hub, where it begins with
none). Only what the registry lacks is sent: layers that it holds already stay, those that another of its
repositories holds are taken from ones.`,
  flags: {
    ...REGISTRY_FLAGS,
    'all-tags': { short: 'a', help: 'Push all tags of the repository NAME that the store has' },
    quiet: { short: 'q', help: 'Print only the digest' },
  },
  notes: 'Log in with `jettison login` or `docker login`.',
  examples: [
    'jettison tag app registry.example.com/team/app:1.0',
    'jettison push registry.example.com/team/app:1.0',
  ],
  async run({ flags, args, io }) {
    const name = args[0]!;
    const { env, signal } = io;
    const insecure = flags['registry-insecure'];
    const push = async (store: Store, registries: Registries) => {
      const names = flags['all-tags'] ? allTags(store, name) : [named(store, name)];
      for (const { reference, target } of names) {
        const view = new TransferView(io, 'push');
        try {
          const image = whole(store, reference, target, io);
          const onProgress = flags.quiet ? undefined : view.onProgress;
          const { digest, uploaded } = await pushImage(store, registries, reference, image, onProgress);
          view.end();
          if (flags.quiet) io.stdout.write(`${digest}\n`);
          else {
            const tag = reference.tag ?? reference.digest;
            io.stdout.write(`${tag}: digest: ${digest} size: ${image.size} (${size(uploaded)} sent)\n`);
          }
        } finally {
          view.end();
        }
      }
      return 0;
    };
    return useStore(io, (store) =>
      useRegistries({ env, signal, insecure }, (registries) => push(store, registries)),
    );
  },
});
