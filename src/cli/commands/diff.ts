import { diff } from '../../inspect/diff.ts';
import { defineCommand } from '../command.ts';
import { diffText } from '../print/image-diff.ts';
import { printJson } from '../print/list-output.ts';
import { SOURCE_FLAGS, SOURCE_NOTE, withInspections } from '../with-inspections.ts';

export const command = defineCommand({
  usage: 'jettison diff [OPTIONS] IMAGE IMAGE',
  about: `Shows how two images differ, and what brought each difference: config, layers, packages, files, and the
download for the second where the first is present.`,
  flags: {
    'exit-code': { help: 'Exit with 1 when they differ' },
    files: { help: 'Only files, all of them' },
    json: { help: 'All facts as JSON' },
    packages: { help: 'Only packages' },
    stat: { help: 'Only the figures' },
    times: { help: 'Files that differ in their time alone, too' },
    ...SOURCE_FLAGS,
  },
  notes: SOURCE_NOTE,
  examples: ['jettison diff app:1 app:2', 'jettison diff --packages --remote registry.example.com/app:1 app'],
  async run({ flags, args, io }) {
    const { files, packages, stat, times } = flags;
    return withInspections(args, flags, io, ([from, to]) => {
      const found = diff(from!, to!, { times });
      if (flags.json) printJson(io, found);
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
      return flags['exit-code'] && lists.some(({ length }) => length > 0) ? 1 : 0;
    });
  },
});
