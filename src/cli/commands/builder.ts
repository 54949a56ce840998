import { usageError } from '../../errors/error.ts';
import { plural, size } from '../../events/units.ts';
import { openStore } from '../../store/store.ts';
import { defineCommand, defineGroup } from '../command.ts';
import { confirm } from '../confirm.ts';
import { FORCE_FLAGS } from '../flags/common.ts';
import { untilFilter } from '../flags/until-filter.ts';
import { printJson } from '../print/list-output.ts';
import { reclaim, reportFacts } from '../reclaim.ts';

const DEFAULT_AGE_MS = 7 * 24 * 60 * 60 * 1000;

const UNITS: Record<string, number> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };
const BINARY: Record<string, number> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** `10GB`, `512MiB`, `1.5g`, or bytes. */
function storageSize(text: string): { text: string; bytes: number } {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?$/i.exec(text);
  const unit = (match?.[2] ?? '').toLowerCase();
  const factor = match?.[3] ? BINARY[unit] : UNITS[unit];
  if (match === null || factor === undefined) {
    throw usageError(`invalid size "${text}"`, 'Write it like 10GB or 512MiB.');
  }
  return { text, bytes: Math.round(Number(match[1]) * factor) };
}

const prune = defineCommand({
  usage: 'jettison builder prune [OPTIONS]',
  about: `Deletes build cache that no build has used for 7 days: the records of steps, and the layers that only they
need. Images and their layers stay.`,
  flags: {
    ...FORCE_FLAGS,
    all: { short: 'a', help: 'Delete all build cache, however new' },
    'keep-storage': {
      value: 'SIZE',
      help: 'Delete the least recently used until no more than SIZE is left, e.g. 10GB',
      parse: storageSize,
    },
    filter: {
      value: 'until=AGE',
      suggest: ['until='],
      help: 'Delete cache that was not used for AGE instead, e.g. until=24h',
      parse: untilFilter,
    },
  },
  async run({ flags, io, usage }) {
    const { filter: until, 'keep-storage': keep } = flags;
    if (flags.all && until !== undefined) throw usageError('--all and --filter contradict each other', usage);
    if (flags.all && keep !== undefined)
      throw usageError('--all and --keep-storage contradict each other', usage);
    // With a limit alone, nothing is deleted that fits.
    const unusedForMs = flags.all
      ? 0
      : (until?.ms ?? (keep === undefined ? DEFAULT_AGE_MS : Number.POSITIVE_INFINITY));
    const keepBytes = keep === undefined ? {} : { keepBytes: keep.bytes };
    const warning =
      unusedForMs === 0
        ? 'This deletes all build cache.'
        : keep !== undefined
          ? `This deletes build cache until no more than ${keep.text} of it is left.`
          : `This deletes build cache that has not been used for ${until?.text ?? '7 days'}.`;
    if (!flags.force && !(await confirm(io, warning))) return 0;
    const report = await reclaim(
      openStore({ env: io.env }),
      { images: 'none', unusedForMs, ...keepBytes },
      () => io.stderr.write('waiting for running builds to end\n'),
      io.signal,
    );
    if (flags.json) {
      printJson(io, reportFacts(report));
      return 0;
    }
    const builds = report.builds === 0 ? '' : `Deleted ${plural(report.builds, 'build')} on record\n`;
    io.stdout.write(
      `Deleted ${plural(report.records, 'step record')}, ${plural(report.layers, 'layer')} and ` +
        `${plural(report.blobs, 'blob')}\n${builds}Total reclaimed space: ${size(report.reclaimed)}\n`,
    );
    return 0;
  },
});

export const command = defineGroup({
  usage: 'jettison builder COMMAND',
  about: 'Manages the build cache.',
  subcommands: { prune },
});
