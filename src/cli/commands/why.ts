import { why } from '../../inspect/why.ts';
import { defineCommand } from '../command.ts';
import { printJson } from '../print/list-output.ts';
import { reasonText } from '../print/reasons.ts';
import { SOURCE_FLAGS, SOURCE_NOTE, withInspections } from '../with-inspections.ts';

export const command = defineCommand({
  usage: 'jettison why [OPTIONS] IMAGE PATH|PACKAGE',
  about: `Shows why a path or a package is in an image: the package that owns it, the packages that require that, and the
instructions that brought it, through the stages that it was copied from.`,
  flags: { json: { help: 'All facts as JSON' }, ...SOURCE_FLAGS },
  notes: SOURCE_NOTE,
  examples: [
    'jettison why app /app/node_modules/lodash',
    'jettison why app lodash',
    'jettison why docker://app openssl',
  ],
  async run({ flags, args, io }) {
    const [image = '', subject = ''] = args;
    return withInspections([image], flags, io, ([inspection], store) => {
      const reasons = why(inspection!, subject, store);
      if (flags.json) printJson(io, reasons);
      else io.stdout.write(reasons.map((reason) => reasonText(reason, io)).join('\n'));
      return 0;
    });
  },
});
