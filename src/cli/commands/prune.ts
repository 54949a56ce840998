import { plural, size } from '../../events/units.ts';
import { familiarName } from '../../image/reference.ts';
import { openStore } from '../../store/store.ts';
import { defineCommand } from '../command.ts';
import { confirm } from '../confirm.ts';
import { FORCE_FLAGS } from '../flags/common.ts';
import { untilFilter } from '../flags/until-filter.ts';
import { printJson } from '../print/list-output.ts';
import { reclaim, reportFacts } from '../reclaim.ts';

export const command = defineCommand({
  usage: 'jettison prune [OPTIONS]',
  about: `Deletes images without a name, and everything in the store that neither an image nor the build cache needs,
including the files that failed steps left for \`jettison debug\`. It keeps the build cache: see
\`jettison builder prune\`.`,
  flags: {
    ...FORCE_FLAGS,
    all: { short: 'a', help: 'Delete all images and all build cache' },
    'cache-mounts': { help: 'Delete the contents of RUN --mount=type=cache, too' },
    filter: {
      value: 'until=AGE',
      suggest: ['until='],
      help: 'Only images that got their name, and build cache that was last used, longer ago than AGE, e.g. until=24h',
      parse: untilFilter,
    },
  },
  async run({ flags, io }) {
    const { filter: until, 'cache-mounts': cacheMounts } = flags;
    const warning = [
      `This deletes all images ${flags.all ? 'and all build cache of the store' : 'that have no name'}`,
      ...(until === undefined ? [] : [`, if they are older than ${until.text}`]),
      ...(cacheMounts ? [', and all cache mounts'] : []),
      '.',
    ].join('');
    if (!flags.force && !(await confirm(io, warning))) return 0;
    const report = await reclaim(
      openStore({ env: io.env }),
      {
        images: flags.all ? 'all' : 'nameless',
        imagesOlderThanMs: until?.ms ?? 0,
        unusedForMs: flags.all ? (until?.ms ?? 0) : Number.POSITIVE_INFINITY,
        cacheMounts,
      },
      () => io.stderr.write('waiting for running builds to end\n'),
      io.signal,
    );
    if (flags.json) {
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
      io.stdout.write(`Deleted the files of ${plural(report.failures, 'failed step')}\n`);
    if (report.builds > 0) io.stdout.write(`Deleted ${plural(report.builds, 'build')} on record\n`);
    if (report.cacheMounts > 0) io.stdout.write(`Deleted ${plural(report.cacheMounts, 'cache mount')}\n`);
    io.stdout.write(`Total reclaimed space: ${size(report.reclaimed)}\n`);
    return 0;
  },
});
