import { parseArgs } from 'node:util';
import { plural, size } from '../../events/units.ts';
import { familiarName } from '../../image/reference.ts';
import { openStore } from '../../store/store.ts';
import type { Command, Io } from '../command.ts';
import { confirm } from '../confirm.ts';
import { untilFilter } from '../flags/until-filter.ts';
import { printJson } from '../print/list-output.ts';
import { reclaim, reportFacts } from '../reclaim.ts';

const help = `Usage: jettison prune [OPTIONS]

Deletes images without a name, and whatever in the store neither an image nor the build cache needs.
What failed steps have left for \`jettison debug\` is deleted, too. The build cache itself is left alone: see
\`jettison builder prune\`.

Options:
  -a, --all           Delete all images and all build cache
      --filter until=AGE  Only images that got their name, and build cache that was last used, so long
                      ago, e.g. until=24h
      --cache-mounts  Delete what RUN --mount=type=cache keeps, too
  -f, --force         Do not ask first
      --json          Print what was deleted as JSON
`;

async function run(args: string[], io: Io): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      all: { type: 'boolean', short: 'a' },
      'cache-mounts': { type: 'boolean' },
      filter: { type: 'string' },
      force: { type: 'boolean', short: 'f' },
      json: { type: 'boolean' },
    },
  });
  const cacheMounts = values['cache-mounts'] ?? false;
  const until = untilFilter(values.filter);
  const warning = [
    `This deletes all images ${values.all ? 'and all build cache of the store' : 'that have no name'}`,
    ...(until === undefined ? [] : [`, if they are older than ${until.text}`]),
    ...(cacheMounts ? [', and all cache mounts'] : []),
    '.',
  ].join('');
  if (!values.force && !(await confirm(io, warning))) return 0;
  const report = await reclaim(
    openStore({ env: io.env }),
    {
      images: values.all ? 'all' : 'nameless',
      imagesOlderThanMs: until?.ms ?? 0,
      unusedForMs: values.all ? (until?.ms ?? 0) : Number.POSITIVE_INFINITY,
      cacheMounts,
    },
    () => io.stderr.write('waiting for running builds to end\n'),
    io.signal,
  );
  if (values.json) {
    printJson(io, reportFacts(report));
    return 0;
  }
  if (report.images.length > 0) {
    const lines = report.images.map(({ name, manifest }) =>
      name === undefined ? `deleted: ${manifest.digest}\n` : `untagged: ${familiarName(name)}\n`,
    );
    io.stdout.write(`Deleted Images:\n${lines.join('')}\n`);
  }
  if (report.failures > 0)
    io.stdout.write(`Deleted what ${plural(report.failures, 'failed step')} had left\n`);
  if (report.cacheMounts > 0) io.stdout.write(`Deleted ${plural(report.cacheMounts, 'cache mount')}\n`);
  io.stdout.write(`Total reclaimed space: ${size(report.reclaimed)}\n`);
  return 0;
}

export const command: Command = { help, run };
