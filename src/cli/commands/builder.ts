import { parseArgs } from 'node:util';
import { plural, size } from '../../events/units.ts';
import { openStore } from '../../store/store.ts';
import type { Command, Io } from '../command.ts';
import { confirm } from '../confirm.ts';
import { untilFilter } from '../flags/until-filter.ts';
import { printJson } from '../print/list-output.ts';
import { reclaim, reportFacts } from '../reclaim.ts';
import { usageError } from '../usage.ts';

const help = `Usage: jettison builder prune [OPTIONS]

Deletes build cache that no build has used for 7 days: what the store remembers of steps, and the
layers that only they need. Images and their layers stay.

Options:
  -a, --all               Delete all build cache, however new
      --keep-storage SIZE  Delete what was not used for longest, until no more than SIZE is left, e.g. 10GB
      --filter until=AGE  Delete what has not been used for so long instead, e.g. until=24h
  -f, --force             Do not ask first
      --json              Print what was deleted as JSON
`;

const USAGE = 'usage: jettison builder prune [OPTIONS]';
const DEFAULT_AGE_MS = 7 * 24 * 60 * 60 * 1000;

async function run(args: string[], io: Io): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      all: { type: 'boolean', short: 'a' },
      filter: { type: 'string' },
      'keep-storage': { type: 'string' },
      force: { type: 'boolean', short: 'f' },
      json: { type: 'boolean' },
    },
  });
  if (positionals[0] !== 'prune' || positionals.length > 1)
    throw usageError('builder has one command: prune', USAGE);
  const until = untilFilter(values.filter);
  if (values.all && until !== undefined) throw usageError('--all and --filter contradict each other', USAGE);
  const keep = values['keep-storage'];
  if (values.all && keep !== undefined)
    throw usageError('--all and --keep-storage contradict each other', USAGE);
  // A limit alone asks for nothing to be deleted that fits.
  const unusedForMs = values.all
    ? 0
    : (until?.ms ?? (keep === undefined ? DEFAULT_AGE_MS : Number.POSITIVE_INFINITY));
  const keepBytes = keep === undefined ? {} : { keepBytes: bytes(keep) };
  const warning =
    unusedForMs === 0
      ? 'This deletes all build cache.'
      : keep !== undefined
        ? `This deletes build cache until no more than ${keep} of it is left.`
        : `This deletes build cache that has not been used for ${until?.text ?? '7 days'}.`;
  if (!values.force && !(await confirm(io, warning))) return 0;
  const report = await reclaim(
    openStore({ env: io.env }),
    { images: 'none', unusedForMs, ...keepBytes },
    () => io.stderr.write('waiting for running builds to end\n'),
    io.signal,
  );
  if (values.json) {
    printJson(io, reportFacts(report));
    return 0;
  }
  io.stdout.write(
    `Deleted ${plural(report.records, 'step record')}, ${plural(report.layers, 'layer')} and ` +
      `${plural(report.blobs, 'blob')}\nTotal reclaimed space: ${size(report.reclaimed)}\n`,
  );
  return 0;
}

const UNITS: Record<string, number> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };
const BINARY: Record<string, number> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** `10GB`, `512MiB`, `1.5g`, or bytes. */
function bytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?$/i.exec(text);
  const unit = (match?.[2] ?? '').toLowerCase();
  const factor = match?.[3] ? BINARY[unit] : UNITS[unit];
  if (match === null || factor === undefined) {
    throw usageError(`"${text}" is not a size`, 'write it like 10GB or 512MiB');
  }
  return Math.round(Number(match[1]) * factor);
}

export const command: Command = { subcommands: ['prune'], help, run };
