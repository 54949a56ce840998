import { parseArgs } from 'node:util';
import { size } from '../../events/units.ts';
import { truncate } from '../../events/width.ts';
import { type LayerSize, LayerSizes } from '../../export/sizes.ts';
import type { HistoryEntry } from '../../image/types.ts';
import { findImage, type NamedImage } from '../../store/lookup.ts';
import { openStore } from '../../store/store.ts';
import type { Command, Io } from '../command.ts';
import { age, oneLine, shortId } from '../print/docker-units.ts';
import { OUTPUT_OPTIONS, printList } from '../print/list-output.ts';
import { usageError } from '../usage.ts';

const help = `Usage: jettison history [OPTIONS] IMAGE

Shows what an image was made by, the newest first, with the size of each layer's files.

Options:
      --format FORMAT  table, json (an object a line), or a template of Go's such as '{{.CreatedBy}}'
      --json           One array of everything that is known, with sizes in bytes
      --no-trunc       Show whole instructions and ids
  -q, --quiet          Show ids only
`;

/** Docker shows so much of an instruction. */
const CREATED_BY_WIDTH = 45;

async function run(args: string[], io: Io): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      ...OUTPUT_OPTIONS,
      'no-trunc': { type: 'boolean' },
      quiet: { type: 'boolean', short: 'q' },
    },
  });
  if (positionals.length !== 1)
    throw usageError('history takes one image', 'usage: jettison history [OPTIONS] IMAGE');
  const store = openStore({ env: io.env });
  const image = findImage(store, positionals[0]!);
  const entries = withLayers(image, new LayerSizes(store).of(image)).reverse();

  const rows = entries.map(({ entry, layer }, index) => ({
    ID: index > 0 ? '<missing>' : values['no-trunc'] ? image.id : shortId(image.id),
    CreatedAt: entry.created ?? '',
    CreatedSince: age(entry.created),
    CreatedBy: values['no-trunc']
      ? (entry.created_by ?? '')
      : truncate(oneLine(entry.created_by ?? ''), CREATED_BY_WIDTH),
    Size:
      layer === undefined
        ? '0B'
        : layer.content === undefined
          ? `(${size(layer.blob)})`
          : size(layer.content),
    Comment: entry.comment ?? '',
  }));
  if (values.quiet) {
    io.stdout.write(rows.map(({ ID }) => `${ID}\n`).join(''));
    return 0;
  }
  printList(
    io,
    {
      columns: [
        ['ID', 'IMAGE'],
        ['CreatedSince', 'CREATED'],
        ['CreatedBy', 'CREATED BY'],
        ['Size', 'SIZE'],
        ['Comment', 'COMMENT'],
      ],
      more: ['CreatedAt'],
      rows,
      shrink: values['no-trunc'] ? [] : ['CREATED BY', 'COMMENT'],
      facts: entries.map(({ entry, layer }) => ({
        created: entry.created ?? null,
        createdBy: entry.created_by ?? '',
        comment: entry.comment ?? '',
        emptyLayer: layer === undefined,
        ...(layer === undefined
          ? { size: 0 }
          : { size: layer.content ?? null, compressedSize: layer.blob, diffId: layer.diffId }),
      })),
    },
    values,
  );
  return 0;
}

/** History entries, oldest first, each with its layer; layers that no entry tells of stand alone at the end. */
function withLayers(image: NamedImage, layers: LayerSize[]): { entry: HistoryEntry; layer?: LayerSize }[] {
  const rest = [...layers];
  const told = (image.config.history ?? []).map((entry) => {
    const layer = entry.empty_layer === true ? undefined : rest.shift();
    return layer === undefined ? { entry } : { entry, layer };
  });
  return [...told, ...rest.map((layer) => ({ entry: {}, layer }))];
}

export const command: Command = { help, run };
