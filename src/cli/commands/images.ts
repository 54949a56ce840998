import { parseArgs } from 'node:util';
import { visible } from '../../errors/safe-text.ts';
import { size } from '../../events/units.ts';
import { LayerSizes } from '../../export/sizes.ts';
import { formatPlatform } from '../../image/platform.ts';
import { familiarName, familiarRepository, parseReference } from '../../image/reference.ts';
import { listImages, type NamedImage } from '../../store/lookup.ts';
import { openStore } from '../../store/store.ts';
import type { Command, Io } from '../command.ts';
import { createdMs, imageFilter, matchesName, shownName } from '../flags/image-filter.ts';
import { age, shortId } from '../print/docker-units.ts';
import { OUTPUT_OPTIONS, printList } from '../print/list-output.ts';
import { usageError } from '../usage.ts';

const help = `Usage: jettison images [OPTIONS] [REPOSITORY[:TAG]]

Lists the images of the store, the newest first. SIZE is that of the packed layers, as registries hold them.

Options:
      --digests        Show the manifests' digests
  -f, --filter FILTER  Only images for which dangling=true|false, reference=PATTERN, label=KEY[=VALUE],
                       before=IMAGE or since=IMAGE holds; several times: all of them
      --format FORMAT  table, json (an object a line), or a template of Go's such as
                       '{{.Repository}}:{{.Tag}}'
      --json           One array of everything that is known, with sizes in bytes
      --no-trunc       Show whole ids
  -q, --quiet          Show ids only

Examples:
  jettison images
  jettison images --json | jq '.[].names'
  jettison images --filter dangling=true -q
  jettison rmi $(jettison images -q app)
`;

async function run(args: string[], io: Io): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      ...OUTPUT_OPTIONS,
      digests: { type: 'boolean' },
      filter: { type: 'string', short: 'f', multiple: true },
      'no-trunc': { type: 'boolean' },
      quiet: { type: 'boolean', short: 'q' },
    },
  });
  if (positionals.length > 1)
    throw usageError('images takes one name at most', 'usage: jettison images [OPTIONS] [REPOSITORY[:TAG]]');
  const store = openStore({ env: io.env });
  const images = listImages(store, (image, error) => {
    io.stderr.write(`warning: ${shownName(image.name)} is damaged: ${visible(error.message)}\n`);
  });
  const wanted = imageFilter(store, values.filter ?? []);
  const named = images
    .flatMap((image) =>
      (image.names.length === 0 ? [undefined] : image.names).map((name) => ({ image, name })),
    )
    .filter((row) => wanted(row) && (positionals[0] === undefined || matchesName(positionals[0], row.name)))
    .sort((a, b) => createdMs(b.image) - createdMs(a.image));

  if (values.quiet) {
    const ids = named.map(({ image }) => (values['no-trunc'] ? image.id : shortId(image.id)));
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
      ID: values['no-trunc'] ? image.id : shortId(image.id),
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
        ...(values.digests ? ([['Digest', 'DIGEST']] as [string, string][]) : []),
        ['ID', 'IMAGE ID'],
        ['CreatedSince', 'CREATED'],
        ['Size', 'SIZE'],
      ],
      more: ['Digest', 'CreatedAt', 'CompressedSize', 'UnpackedSize', 'Platform'],
      rows,
      shrink: ['REPOSITORY', 'TAG', 'DIGEST'],
      facts: [...new Set(named.map(({ image }) => image))].map((image) => describe(image, sizes)),
    },
    values,
  );
  return 0;
}

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

export const command: Command = { help, run };
