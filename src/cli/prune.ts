import { parseArgs } from 'node:util';
import { familiarName } from '../image/reference.ts';
import { openStore } from '../store/store.ts';
import type { Command, Io } from './command.ts';
import { confirm } from './confirm.ts';
import { size } from './format.ts';
import { reclaim } from './reclaim.ts';

const help = `Usage: jettison prune [OPTIONS]

Deletes images without a name, and whatever in the store neither an image nor the build cache needs.
The build cache itself is left alone: see \`jettison builder prune\`.

Options:
  -a, --all    Delete all images and all build cache
  -f, --force  Do not ask first
`;

async function run(args: string[], io: Io): Promise<number> {
  const { values } = parseArgs({
    args,
    options: { all: { type: 'boolean', short: 'a' }, force: { type: 'boolean', short: 'f' } },
  });
  const warning = values.all
    ? 'This deletes all images and all build cache of the store.'
    : 'This deletes all images that have no name.';
  if (!values.force && !(await confirm(io, warning))) return 0;
  const report = await reclaim(
    openStore({ env: io.env }),
    values.all
      ? { images: 'all', unusedForMs: 0 }
      : { images: 'nameless', unusedForMs: Number.POSITIVE_INFINITY },
    () => io.stderr.write('waiting for running builds to end\n'),
    io.signal,
  );
  if (report.images.length > 0) {
    const lines = report.images.map(({ name, manifest }) =>
      name === undefined ? `deleted: ${manifest.digest}\n` : `untagged: ${familiarName(name)}\n`,
    );
    io.stdout.write(`Deleted Images:\n${lines.join('')}\n`);
  }
  io.stdout.write(`Total reclaimed space: ${size(report.reclaimed)}\n`);
  return 0;
}

export const command: Command = { help, run };
