import { size } from '../../events/units.ts';
import { truncate } from '../../events/width.ts';
import { type LayerSize, LayerSizes } from '../../export/sizes.ts';
import type { HistoryEntry } from '../../image/types.ts';
import { type Instruction, instructionsOf, locationText } from '../../inspect/instructions.ts';
import { applyProvenance } from '../../inspect/origins.ts';
import { findImage, type NamedImage } from '../../store/lookup.ts';
import { openStore, type Store } from '../../store/store.ts';
import { defineCommand } from '../command.ts';
import { listFlags } from '../flags/common.ts';
import { age, oneLine, shortId } from '../print/docker-units.ts';
import { printList } from '../print/list-output.ts';

/** Docker's width of the column, in characters. */
const CREATED_BY_WIDTH = 45;

/** History entries, oldest first, each with its layer. Layers without an entry are at the end. */
function withLayers(image: NamedImage, layers: LayerSize[]): { entry: HistoryEntry; layer?: LayerSize }[] {
  const rest = [...layers];
  const described = (image.config.history ?? []).map((entry) => {
    const layer = entry.empty_layer === true ? undefined : rest.shift();
    return layer === undefined ? { entry } : { entry, layer };
  });
  return [...described, ...rest.map((layer) => ({ entry: {}, layer }))];
}

/** The entries as instructions, with their places in the Dockerfile if the image was built here. */
function locatedInstructions(store: Store, { id, config }: NamedImage): Instruction[] {
  const count = config.rootfs.diff_ids.length;
  const instructions = instructionsOf(config, count);
  const provenance = store.provenance.get(id);
  if (provenance !== undefined) applyProvenance(instructions, count, provenance);
  return instructions;
}

/** `Dockerfile:12`, for a column that `docker history` does not have. */
function placeOf(instruction: Instruction | undefined): string {
  const { location } = instruction ?? {};
  return location === undefined ? '' : locationText(location);
}

export const command = defineCommand({
  usage: 'jettison history [OPTIONS] IMAGE',
  about: `Shows the instructions that made an image, the newest first, with the size of each layer's files. Of an image
that was built here, --json and the columns {{.Location}} and {{.Stage}} say where each is in the Dockerfile.`,
  flags: {
    ...listFlags('{{.CreatedBy}}'),
    'no-trunc': { help: 'Show whole instructions and ids' },
    quiet: { short: 'q', help: 'Show ids only' },
  },
  async run({ flags, args, io }) {
    const store = openStore({ env: io.env });
    const image = findImage(store, args[0]!);
    const entries = withLayers(image, new LayerSizes(store).of(image)).reverse();

    const instructions = locatedInstructions(store, image).reverse();

    const rows = entries.map(({ entry, layer }, index) => ({
      ID: index > 0 ? '<missing>' : flags['no-trunc'] ? image.id : shortId(image.id),
      CreatedAt: entry.created ?? '',
      CreatedSince: age(entry.created),
      CreatedBy: flags['no-trunc']
        ? (entry.created_by ?? '')
        : truncate(oneLine(entry.created_by ?? ''), CREATED_BY_WIDTH),
      Size:
        layer === undefined
          ? '0B'
          : layer.content === undefined
            ? `(${size(layer.blob)})`
            : size(layer.content),
      Comment: entry.comment ?? '',
      Location: placeOf(instructions[index]),
      Stage: instructions[index]?.stage ?? '',
    }));
    if (flags.quiet) {
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
        more: ['CreatedAt', 'Location', 'Stage'],
        rows,
        shrink: flags['no-trunc'] ? [] : ['CREATED BY', 'COMMENT'],
        facts: entries.map(({ entry, layer }, index) => ({
          created: entry.created ?? null,
          createdBy: entry.created_by ?? '',
          comment: entry.comment ?? '',
          emptyLayer: layer === undefined,
          ...(instructions[index]?.location && { location: instructions[index].location }),
          ...(instructions[index]?.stage !== undefined && { stage: instructions[index].stage }),
          ...(layer === undefined
            ? { size: 0 }
            : { size: layer.content ?? null, compressedSize: layer.blob, diffId: layer.diffId }),
        })),
      },
      flags,
    );
    return 0;
  },
});
