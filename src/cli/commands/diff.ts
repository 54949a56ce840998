import { parseArgs } from 'node:util';
import { diff } from '../../inspect/diff.ts';
import type { Command, Io } from '../command.ts';
import { SOURCE_HELP, SOURCE_NOTE, SOURCE_OPTIONS, withInspections } from '../inspections.ts';
import { diffText } from '../print/image-diff.ts';
import { printJson } from '../print/list-output.ts';
import { usageError } from '../usage.ts';

const help = `Usage: jettison diff [OPTIONS] IMAGE IMAGE

Shows how two images differ, and what brought each difference: config, layers, packages, files, and what somebody who
has the first one downloads for the second.

Options:
      --exit-code           Exit with 1 when they differ
      --files               Only files, all of them
      --json                Everything as JSON
      --packages            Only packages
      --stat                Only the figures
      --times               Files that differ in their time alone, too
${SOURCE_HELP}

${SOURCE_NOTE}

Examples:
  jettison diff app:1 app:2
  jettison diff --packages --remote registry.example.com/app:1 app
`;

async function run(args: string[], io: Io): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      'exit-code': { type: 'boolean' },
      files: { type: 'boolean' },
      json: { type: 'boolean' },
      packages: { type: 'boolean' },
      stat: { type: 'boolean' },
      times: { type: 'boolean' },
      ...SOURCE_OPTIONS,
    },
  });
  if (positionals.length !== 2)
    throw usageError('diff takes two images', 'usage: jettison diff [OPTIONS] IMAGE IMAGE');
  const { files = false, packages = false, stat = false, times = false } = values;
  return withInspections(positionals, values, io, ([from, to]) => {
    const found = diff(from!, to!, { times });
    if (values.json) printJson(io, found);
    else io.stdout.write(diffText(found, { files, packages, stat }, io));
    const { config, history, layers } = found;
    const lists = [
      found.files,
      found.packages,
      config,
      layers.added,
      layers.removed,
      history.added,
      history.removed,
    ];
    return values['exit-code'] && lists.some(({ length }) => length > 0) ? 1 : 0;
  });
}

export const command: Command = { help, run };
