import { parseArgs } from 'node:util';
import { why } from '../../inspect/why.ts';
import type { Command, Io } from '../command.ts';
import { SOURCE_HELP, SOURCE_NOTE, SOURCE_OPTIONS, withInspections } from '../inspections.ts';
import { printJson } from '../print/list-output.ts';
import { reasonText } from '../print/reasons.ts';
import { usageError } from '../usage.ts';

const help = `Usage: jettison why [OPTIONS] IMAGE PATH|PACKAGE

Shows why a path or a package is in an image: the package that owns it, who asks for that, and the instructions that
brought it, through the stages that it was copied from.

Options:
      --json                Everything known of it, as JSON
${SOURCE_HELP}

${SOURCE_NOTE}

Examples:
  jettison why app /app/node_modules/lodash
  jettison why app lodash
  jettison why docker://app openssl
`;

async function run(args: string[], io: Io): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { json: { type: 'boolean' }, ...SOURCE_OPTIONS },
  });
  const [image, subject, ...rest] = positionals;
  if (image === undefined || subject === undefined || rest.length > 0) {
    throw usageError(
      'why takes an image and a path or package',
      'usage: jettison why [OPTIONS] IMAGE PATH|PACKAGE',
    );
  }
  return withInspections([image], values, io, ([inspection], store) => {
    const reasons = why(inspection!, subject, store);
    if (values.json) printJson(io, reasons);
    else io.stdout.write(reasons.map((reason) => reasonText(reason, io)).join('\n'));
    return 0;
  });
}

export const command: Command = { help, run };
