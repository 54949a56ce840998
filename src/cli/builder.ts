import { parseArgs } from 'node:util';
import { parseDuration } from '../dockerfile/duration.ts';
import { plural, size } from '../events/format.ts';
import { openStore } from '../store/store.ts';
import type { Command, Io } from './command.ts';
import { confirm } from './confirm.ts';
import { reclaim } from './reclaim.ts';
import { usageError } from './usage.ts';

const help = `Usage: jettison builder prune [OPTIONS]

Deletes build cache that no build has used for 7 days: what the store remembers of steps, and the
layers that only they need. Images and their layers stay.

Options:
  -a, --all               Delete all build cache, however new
      --keep-storage SIZE  Delete what was not used for longest, until no more than SIZE is left, e.g. 10GB
      --filter until=AGE  Delete what has not been used for so long instead, e.g. until=24h
  -f, --force             Do not ask first
`;

const USAGE = 'usage: jettison builder prune [OPTIONS]';
const DEFAULT_AGE = '168h';

async function run(args: string[], io: Io): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      all: { type: 'boolean', short: 'a' },
      filter: { type: 'string' },
      'keep-storage': { type: 'string' },
      force: { type: 'boolean', short: 'f' },
    },
  });
  if (positionals[0] !== 'prune' || positionals.length > 1)
    throw usageError('builder has one command: prune', USAGE);
  if (values.filter !== undefined && !values.filter.startsWith('until=')) {
    throw usageError(`there is no filter "${values.filter}"`, 'the only filter is until=AGE');
  }
  if (values.all && values.filter !== undefined)
    throw usageError('--all and --filter contradict each other', USAGE);
  const keep = values['keep-storage'];
  if (values.all && keep !== undefined)
    throw usageError('--all and --keep-storage contradict each other', USAGE);
  const age = values.filter?.slice('until='.length) ?? DEFAULT_AGE;
  // A limit alone asks for nothing to be deleted that fits.
  const unusedForMs = values.all
    ? 0
    : keep !== undefined && values.filter === undefined
      ? Number.POSITIVE_INFINITY
      : milliseconds(age);
  const keepBytes = keep === undefined ? {} : { keepBytes: bytes(keep) };
  const warning =
    unusedForMs === 0
      ? 'This deletes all build cache.'
      : keep !== undefined
        ? `This deletes build cache until no more than ${keep} of it is left.`
        : `This deletes build cache that has not been used for ${age === DEFAULT_AGE ? '7 days' : age}.`;
  if (!values.force && !(await confirm(io, warning))) return 0;
  const report = await reclaim(
    openStore({ env: io.env }),
    { images: 'none', unusedForMs, ...keepBytes },
    () => io.stderr.write('waiting for running builds to end\n'),
    io.signal,
  );
  io.stdout.write(
    `Deleted ${plural(report.records, 'step record')}, ${plural(report.layers, 'layer')} and ` +
      `${plural(report.blobs, 'blob')}\nTotal reclaimed space: ${size(report.reclaimed)}\n`,
  );
  return 0;
}

function milliseconds(age: string): number {
  const nanoseconds = parseDuration(age);
  if (nanoseconds === undefined || nanoseconds < 0) {
    throw usageError(`"${age}" is not a duration`, 'write it like 24h or 1h30m');
  }
  return nanoseconds / 1e6;
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

export const command: Command = { help, run };
