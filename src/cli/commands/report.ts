import { resolve } from 'node:path';
import { usageError } from '../../errors/error.ts';
import { size } from '../../events/units.ts';
import { writeOutput } from '../../export/write-output.ts';
import { describe, describeFiles, describeLeaf } from '../../inspect/describe.ts';
import { originFinder } from '../../inspect/origins.ts';
import { type Reported, reportData } from '../../report/columns.ts';
import { jsonDocument } from '../../report/json-pieces.ts';
import { openPage } from '../../report/open-page.ts';
import { reportPage } from '../../report/page-file.ts';
import { defineCommand } from '../command.ts';
import { SOURCE_FLAGS, SOURCE_NOTE, withInspections } from '../with-inspections.ts';

export const command = defineCommand({
  usage: 'jettison report [OPTIONS] IMAGE [OTHER...]',
  about: `Writes one HTML file that shows where every byte of an image comes from. The file needs no network and no other
file. With several images it shows two of them side by side, the first one as "before", and the difference.`,
  flags: {
    ...SOURCE_FLAGS,
    json: { help: 'Write the data of the report instead; of several images an array' },
    open: { help: 'Show it in the browser' },
    output: {
      short: 'o',
      value: 'FILE',
      help: 'Where to write it (default: report.html); - for standard output',
    },
  },
  notes: SOURCE_NOTE,
  examples: [
    'jettison report app --open',
    'jettison report app:1 app:2 -o difference.html',
    'jettison report docker-archive:app.tar -o - > report.html',
  ],
  async run({ flags, args, io }) {
    const output = flags.output ?? (flags.json ? '-' : 'report.html');
    const isStream = output === '-';
    if (isStream && flags.open) throw usageError('--open needs a file', 'Name one with --output.');
    const path = resolve(io.cwd, output);
    let written = 0;
    await withInspections(args, flags, io, async (inspections, store) => {
      const images = inspections.map((inspection) => {
        const { census } = inspection;
        const find = originFinder(inspection, store);
        return {
          description: describe(inspection),
          files: describeFiles(census),
          fileAt: (path: string) => {
            const leaf = census.leaves.get(path);
            return leaf && describeLeaf(leaf);
          },
          originsOf: (path: string) => find(census.leaves.get(path)!),
        };
      });
      const content = flags.json ? asJson(images) : reportPage(reportData(images));
      async function* counted() {
        for await (const piece of content) {
          written += piece.length;
          yield piece;
        }
      }
      await writeOutput(isStream ? { stream: io.stdout } : { path }, counted(), io.signal);
    });
    if (isStream) return 0;
    io.stderr.write(`${output}: ${size(written)}\n`);
    if (flags.open) await openPage(path, io.env);
    return 0;
  },
});

/** `image.json` with files; of several images an array. */
function asJson(images: readonly Reported[]): Generator<Buffer> {
  const descriptions = images.map(({ description, files }) => ({ ...description, files }));
  return jsonDocument(descriptions.length === 1 ? descriptions[0] : descriptions);
}
