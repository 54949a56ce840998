import { visible } from '../../errors/safe-text.ts';
import { size } from '../../events/units.ts';
import { LayerSizes } from '../../export/sizes.ts';
import { formatPlatform } from '../../image/platform.ts';
import { familiarName, familiarRepository, parseReference } from '../../image/reference.ts';
import { listImages, type NamedImage } from '../../store/lookup.ts';
import { openStore } from '../../store/store.ts';
import { defineCommand } from '../command.ts';
import { listFlags } from '../flags/common.ts';
import { createdMs, imageFilter, matchesName, shownName } from '../flags/image-filter.ts';
import { age, shortId } from '../print/docker-units.ts';
import { printList } from '../print/list-output.ts';

function describe(image: NamedImage, sizes: LayerSizes) {
  const total = sizes.total(image);
  return {
    id: image.id,
    digest: image.target.digest,
    names: image.names.map((name) => familiarName(name)),
    created: image.config.created ?? null,
    platform: formatPlatform(image.config),
    size: total.blobs,
    compressedSize: total.blobs,
    unpackedSize: total.content ?? null,
    layers: image.manifest.layers.length,
  };
}

function unpackedText(bytes: number | undefined): string {
  return bytes === undefined ? '' : size(bytes);
}

export const command = defineCommand({
  usage: 'jettison images [OPTIONS] [REPOSITORY[:TAG]]',
  about: `Lists the images of the store, the newest first. SIZE is that of the packed layers, as registries hold them.`,
  flags: {
    ...listFlags('{{.Repository}}:{{.Tag}}'),
    digests: { help: "Show the manifests' digests" },
    filter: {
      short: 'f',
      value: 'FILTER',
      many: true,
      suggest: ['dangling=true', 'dangling=false', 'reference=', 'label=', 'before=', 'since='],
      help:
        'Only images for which dangling=true|false, reference=PATTERN, label=KEY[=VALUE], before=IMAGE or ' +
        'since=IMAGE holds; several times: all of them',
    },
    'no-trunc': { help: 'Show whole ids' },
    quiet: { short: 'q', help: 'Show ids only' },
  },
  examples: [
    'jettison images',
    "jettison images --json | jq '.[].names'",
    'jettison images --filter dangling=true -q',
    'jettison rmi $(jettison images -q app)',
  ],
  async run({ flags, args, io }) {
    const store = openStore({ env: io.env });
    const images = listImages(store, (image, error) => {
      io.stderr.write(`warning: ${shownName(image.name)} is damaged: ${visible(error.message)}\n`);
    });
    const wanted = imageFilter(store, flags.filter);
    const named = images
      .flatMap((image) =>
        (image.names.length === 0 ? [undefined] : image.names).map((name) => ({ image, name })),
      )
      .filter((row) => wanted(row) && (args[0] === undefined || matchesName(args[0], row.name)))
      .sort((a, b) => createdMs(b.image) - createdMs(a.image));

    if (flags.quiet) {
      const ids = named.map(({ image }) => (flags['no-trunc'] ? image.id : shortId(image.id)));
      io.stdout.write([...new Set(ids)].map((id) => `${id}\n`).join(''));
      return 0;
    }
    const sizes = new LayerSizes(store);
    const rows = named.map(({ image, name }) => {
      const reference = name === undefined ? undefined : parseReference(name);
      return {
        Repository: reference === undefined ? '<none>' : familiarRepository(reference),
        Tag: reference?.tag ?? '<none>',
        Digest: image.target.digest,
        ID: flags['no-trunc'] ? image.id : shortId(image.id),
        CreatedAt: image.config.created ?? '',
        CreatedSince: age(image.config.created),
        Size: size(sizes.total(image).blobs),
        CompressedSize: size(sizes.total(image).blobs),
        UnpackedSize: unpackedText(sizes.total(image).content),
        Platform: formatPlatform(image.config),
      };
    });
    printList(
      io,
      {
        columns: [
          ['Repository', 'REPOSITORY'],
          ['Tag', 'TAG'],
          ...(flags.digests ? ([['Digest', 'DIGEST']] as [string, string][]) : []),
          ['ID', 'IMAGE ID'],
          ['CreatedSince', 'CREATED'],
          ['Size', 'SIZE'],
        ],
        more: ['Digest', 'CreatedAt', 'CompressedSize', 'UnpackedSize', 'Platform'],
        rows,
        shrink: ['REPOSITORY', 'TAG', 'DIGEST'],
        facts: [...new Set(named.map(({ image }) => image))].map((image) => describe(image, sizes)),
      },
      flags,
    );
    return 0;
  },
});
