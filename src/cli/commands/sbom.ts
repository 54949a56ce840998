import { resolve } from 'node:path';
import { documentTime } from '../../build/time.ts';
import { writeOutput } from '../../export/write-output.ts';
import { jsonDocument } from '../../report/json-pieces.ts';
import { SBOM_FORMATS, writeBill } from '../../sbom/write-bill.ts';
import { defineCommand } from '../command.ts';
import { SOURCE_FLAGS, SOURCE_NOTE, withInspections } from '../with-inspections.ts';

export const command = defineCommand({
  usage: 'jettison sbom [OPTIONS] IMAGE',
  about: `Writes a bill of materials: every package of an image, with its license, its dependencies, and the layer and
Dockerfile line that brought it. The same image gives the same bytes.`,
  flags: {
    files: { help: 'List every file with the package that owns it, too' },
    format: {
      value: 'FORMAT',
      values: SBOM_FORMATS,
      help: 'spdx (2.3, the default), cyclonedx (1.6) or json',
    },
    output: { short: 'o', value: 'FILE', help: 'Write to a file instead of standard output' },
    ...SOURCE_FLAGS,
  },
  notes: `${SOURCE_NOTE}

The time in the document is SOURCE_DATE_EPOCH if that is set, else the time of the image.`,
  examples: ['jettison sbom app > app.spdx.json', 'jettison sbom --format cyclonedx -o app.cdx.json app'],
  async run({ flags, args, io }) {
    const time = documentTime(io.env);
    const to = flags.output === undefined ? { stream: io.stdout } : { path: resolve(io.cwd, flags.output) };
    await withInspections(args, flags, io, ([inspection]) => {
      const bill = writeBill(inspection!, flags.format ?? 'spdx', { time, files: flags.files });
      return writeOutput(to, jsonDocument(bill), io.signal);
    });
    return 0;
  },
});
