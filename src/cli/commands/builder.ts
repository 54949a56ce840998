import { EXIT, usageError } from '../../errors/error.ts';
import { visible } from '../../errors/safe-text.ts';
import { plural, size } from '../../events/units.ts';
import type { BuilderFacts } from '../../fleet/builder-facts.ts';
import { namedBuilders, RUNNING_ENGINE } from '../../fleet/named-builders.ts';
import { openStore } from '../../store/store.ts';
import { defineCommand, defineGroup } from '../command.ts';
import { confirm } from '../confirm.ts';
import { FORCE_FLAGS, listFlags } from '../flags/common.ts';
import { untilFilter } from '../flags/until-filter.ts';
import { oneLine } from '../print/docker-units.ts';
import { printJson, printList } from '../print/list-output.ts';
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

const JSON_FLAG = { json: { help: 'All facts as JSON' } } as const;

const ls = defineCommand({
  usage: 'jettison builder ls [OPTIONS]',
  about: `Lists the builders that \`jettison build --builder\` can use: those of JETTISON_BUILDERS, those of
\`docker buildx\`, and the running Docker engine. Each is asked for its version.`,
  flags: listFlags('{{.Name}} {{.Status}}'),
  async run({ flags, io }) {
    const { listBuilders } = await import('../../fleet/list-builders.ts');
    const builders = await listBuilders(io);
    printList(
      io,
      {
        columns: [
          ['Name', 'NAME'],
          ['Status', 'STATUS'],
          ['BuildKit', 'BUILDKIT'],
          ['Platforms', 'PLATFORMS'],
        ],
        more: ['Address', 'Error'],
        rows: builders.map(({ name, address, facts, error }) => ({
          Name: name,
          Address: address,
          Status: facts === undefined ? 'unusable' : 'running',
          BuildKit: facts?.version ?? '',
          Platforms: facts === undefined ? oneLine(error?.message ?? '') : platformsOf(facts).join(', '),
          Error: error?.message ?? '',
        })),
        shrink: ['NAME', 'PLATFORMS'],
        facts: builders.map(({ name, address, facts, error }) => ({
          name,
          address,
          ...(facts ?? { error: error?.message ?? null }),
        })),
      },
      flags,
    );
    return 0;
  },
});

const inspect = defineCommand({
  usage: 'jettison builder inspect [OPTIONS] [BUILDER]',
  about: `Shows a builder: its BuildKit, and its workers with their platforms and labels. Without BUILDER, it is that
of the running Docker engine.`,
  flags: JSON_FLAG,
  examples: ['jettison builder inspect tcp://buildkit.example.com:1234'],
  async run({ flags, args: [text = RUNNING_ENGINE], io }) {
    const { inspectBuilders } = await import('../../fleet/list-builders.ts');
    const found = await inspectBuilders(text, io);
    if (flags.json) {
      printJson(io, found);
      return 0;
    }
    for (const { address, version, workers } of found) {
      const lines: [string, string][] = [
        ['Address', address],
        ['BuildKit', version ?? 'unknown'],
      ];
      for (const { id, platforms, labels } of workers) {
        lines.push(['Worker', id], ['Platforms', platforms.join(', ')]);
        for (const [name, value] of Object.entries(labels).sort()) {
          lines.push([`  ${name.replace(/^org\.mobyproject\.buildkit\.worker\./, '')}`, value]);
        }
      }
      const width = Math.max(...lines.map(([name]) => name.length)) + 2;
      for (const [name, value] of lines) io.stdout.write(`${visible(name.padEnd(width) + value)}\n`);
    }
    return 0;
  },
});

const check = defineCommand({
  usage: 'jettison builder check [OPTIONS] [BUILDER...]',
  about: `Tries everything that a build needs of builders: the connection, a worker, and a small build whose image comes
back. Without BUILDER, it tries those of JETTISON_BUILDERS, else the running Docker engine. The exit code is 1 if
one of them cannot be used.`,
  flags: JSON_FLAG,
  examples: ['jettison builder check', 'jettison builder check docker:// tcp://buildkit.example.com:1234'],
  async run({ flags, args, io }) {
    const [{ parseBuilders }, { checkBuilder }] = await Promise.all([
      import('../../fleet/builder-address.ts'),
      import('../../fleet/builder-facts.ts'),
    ]);
    const named = [args, namedBuilders(io.env)].find((texts) => texts.length > 0) ?? [RUNNING_ENGINE];
    const results = [];
    for (const builder of parseBuilders(named, io)) {
      const checks = await checkBuilder(builder, io.signal);
      results.push({ builder: builder.text, ok: checks.every(({ ok }) => ok), checks });
      if (flags.json) continue;
      io.stdout.write(`${visible(builder.text)}\n`);
      for (const { name, ok, text, hint } of checks) {
        io.stdout.write(`  ${(ok ? 'ok' : 'failed').padEnd(8)}${visible(`${name}: ${text}`)}\n`);
        if (hint !== undefined) io.stdout.write(`          ${visible(hint)}\n`);
      }
    }
    if (flags.json) printJson(io, results);
    return results.every(({ ok }) => ok) ? EXIT.ok : EXIT.failed;
  },
});

/** Platforms of all workers, without the variants of amd64 that every newer machine has. */
function platformsOf({ workers }: BuilderFacts): string[] {
  const all = workers.flatMap(({ platforms }) => platforms);
  return [...new Set(all)].filter((platform) => !/^linux\/amd64\/v\d$/.test(platform));
}

export const command = defineGroup({
  usage: 'jettison builder COMMAND',
  about: 'Manages the build cache, and builders on other machines.',
  subcommands: { prune, ls, inspect, check },
});
