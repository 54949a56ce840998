import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { JettisonError, usageError } from '../../errors/error.ts';
import { fromSystemError } from '../../errors/system.ts';
import { plural, seconds } from '../../events/units.ts';
import { writeOutput } from '../../export/write-output.ts';
import { packBuild, unpackBuild } from '../../history/build-file.ts';
import type { BuildRecord } from '../../history/build-record.ts';
import { BuildStore } from '../../history/build-store.ts';
import { findBuild, findBuildName, stateOf, timingsOf } from '../../history/find-build.ts';
import { openStore } from '../../store/store.ts';
import { defineCommand, defineGroup, type Io } from '../command.ts';
import { listFlags } from '../flags/common.ts';
import { buildFacts, buildHead, nameOfStep, stepReasons, tableOptions } from '../print/build-text.ts';
import { age } from '../print/docker-units.ts';
import { forOutput, printJson, printList } from '../print/list-output.ts';

async function withBuilds(io: Io, act: (builds: BuildStore) => number | Promise<number>): Promise<number> {
  const store = openStore({ env: io.env });
  try {
    return await act(new BuildStore(store.layout));
  } finally {
    store.close();
  }
}

/** A build in `--json`. */
function factsOf(build: BuildRecord) {
  const { process: _, version: __, ...facts } = build;
  return { ...facts, state: stateOf(build) };
}

function commitOf({ git }: BuildRecord): string {
  return git === undefined ? '' : `${git.commit.slice(0, 7)}${git.dirty ? '+' : ''}`;
}

const ls = defineCommand({
  usage: 'jettison builds ls [OPTIONS]',
  about: 'Lists the builds on record, the latest first. A "+" behind the commit: tracked files were changed.',
  flags: { ...listFlags('{{.ID}} {{.Result}}'), quiet: { short: 'q', help: 'Show ids only' } },
  examples: ['jettison builds ls', "jettison builds ls --json | jq '.[0].steps'"],
  run: ({ flags, io }) =>
    withBuilds(io, (store) => {
      const builds = store.names().flatMap((name) => {
        const build = store.read(name);
        if (build === undefined && store.isDamaged(name)) {
          io.stderr.write(`warning: the record of the build ${name.id} is damaged, and left out\n`);
        }
        return build ?? [];
      });
      if (flags.quiet) {
        io.stdout.write(builds.map(({ id }) => `${id}\n`).join(''));
        return 0;
      }
      printList(
        io,
        {
          columns: [
            ['ID', 'BUILD ID'],
            ['Started', 'STARTED'],
            ['Duration', 'DURATION'],
            ['Result', 'RESULT'],
            ['Steps', 'STEPS'],
            ['Commit', 'COMMIT'],
            ['Target', 'TARGET'],
            ['Context', 'CONTEXT'],
          ],
          more: ['StartedAt', 'Dockerfile', 'Platform', 'Command'],
          rows: builds.map((build) => ({
            ID: build.id,
            Started: age(build.started),
            StartedAt: build.started,
            Duration: build.durationMs === undefined ? '' : seconds(build.durationMs),
            Result: stateOf(build),
            Steps: `${build.steps.filter(({ outcome }) => outcome === 'done').length}/${build.steps.length}`,
            Commit: commitOf(build),
            Target: build.target ?? '',
            Context: build.context,
            Dockerfile: build.dockerfile,
            Platform: build.platforms.join(','),
            Command: (build.command ?? []).join(' '),
          })),
          shrink: ['CONTEXT', 'TARGET'],
          facts: builds.map(factsOf),
        },
        flags,
      );
      return 0;
    }),
});

const show = defineCommand({
  usage: 'jettison builds show [OPTIONS] [BUILD]',
  about: 'Shows a build, the latest without BUILD: its flags, and of each step what came of it, and why.',
  flags: {
    json: { help: 'All facts as JSON; with --timings its times only' },
    timings: { help: 'Show where its time went: a table, as `build --timings` prints' },
    html: { help: 'Write that as a page instead: one file, with a bar for each phase' },
    output: {
      short: 'o',
      value: 'FILE',
      help: 'Where to write the page (default: build-BUILD.html); - for standard output',
    },
    open: { help: 'Show the page in the browser' },
  },
  examples: ['jettison builds show --timings', 'jettison builds show k3x9f2a7bd --html --open'],
  run: ({ flags, args, io }) =>
    withBuilds(io, async (store) => {
      if (flags.html) {
        if (flags.json || flags.timings)
          throw usageError('--html cannot be combined with --json or --timings', 'Leave one of them out.');
        const { writeWaterfall } = await import('../waterfall-file.ts');
        await writeWaterfall(findBuild(store, args[0]), flags, io);
        return 0;
      }
      if (flags.open || flags.output !== undefined) {
        throw usageError('--output and --open are for the page', 'Add --html.');
      }
      const build = findBuild(store, args[0]);
      if (flags.json) {
        printJson(io, flags.timings ? timingsOf(build) : factsOf(build));
        return 0;
      }
      const head = buildHead(build, io);
      if (flags.timings) {
        const { timingsTable } = await import('../../timings/table.ts');
        const lines = timingsTable(timingsOf(build), tableOptions(io.stdout, io.env));
        io.stdout.write(`${[head, '', ...lines].join('\n')}\n`);
        return 0;
      }
      const lines = buildFacts(build).map(([name, value]) => `${name.padEnd(7)}${forOutput(io, value)}`);
      const steps = build.steps.map((step) => stepReasons(step, build, store, io).join('\n'));
      io.stdout.write(`${[[head, ...lines].join('\n'), ...steps].join('\n\n')}\n`);
      return 0;
    }),
});

const logs = defineCommand({
  usage: 'jettison builds logs [BUILD] [STEP]',
  about:
    'Prints what the commands of a build have printed; of long outputs the beginning and the end are kept.',
  run: ({ args, io }) =>
    withBuilds(io, (store) => {
      const build = findBuild(store, args[0]);
      const entries = (store.log(build.id) ?? []).filter(
        ({ step }) => args[1] === undefined || step === args[1],
      );
      let last = '';
      let isLineOpen = false;
      for (const { step, text } of entries) {
        const info = build.steps.find(({ id }) => id === step);
        if (step !== last && args[1] === undefined && info !== undefined) {
          io.stdout.write(`${isLineOpen ? '\n' : ''}${last === '' ? '' : '\n'}${nameOfStep(info)}\n`);
        }
        last = step;
        io.stdout.write(forOutput(io, text));
        if (text !== '') isLineOpen = !text.endsWith('\n');
      }
      if (isLineOpen) io.stdout.write('\n');
      return 0;
    }),
});

const exportBuild = defineCommand({
  usage: 'jettison builds export [OPTIONS] [BUILD]',
  about:
    'Writes a build with its output to one file (compressed JSON), without secrets, on standard output without -o.',
  flags: { output: { short: 'o', value: 'FILE', help: 'Write to a file' } },
  examples: ['jettison builds export -o build.json.gz'],
  run: ({ flags, args, io }) =>
    withBuilds(io, async (store) => {
      const { output = '-' } = flags;
      if (output === '-' && io.stdout.isTTY) {
        throw usageError('cannot write an archive to a terminal', 'Write it to a file with -o FILE.');
      }
      const build = findBuild(store, args[0]);
      const bytes = packBuild({ ...build, state: stateOf(build) }, store.log(build.id) ?? []);
      const to = output === '-' ? { stream: io.stdout } : { path: resolve(io.cwd, output) };
      await writeOutput(to, Readable.from([bytes]), io.signal);
      return 0;
    }),
});

const importBuild = defineCommand({
  usage: 'jettison builds import FILE',
  about: `Reads a build from a file of \`builds export\`. It can be looked at like others; no build is compared with it.`,
  run: ({ args, io }) =>
    withBuilds(io, (store) => {
      const path = resolve(io.cwd, args[0]!);
      let bytes: Buffer;
      try {
        bytes = readFileSync(path);
      } catch (error) {
        throw (
          fromSystemError(error, path) ??
          new JettisonError('BUILD_FILE', `cannot read ${path}: ${(error as Error).message}`)
        );
      }
      const { build, log } = unpackBuild(bytes);
      if (store.names().some(({ id }) => id === build.id)) {
        throw new JettisonError('BUILD_EXISTS', `the build ${build.id} is on record already`, {
          hint: `\`jettison builds show ${build.id}\` shows it.`,
        });
      }
      store.prepare();
      if (log.length > 0) store.putLog(build.id, log);
      store.write(build);
      io.stdout.write(`${build.id}\n`);
      return 0;
    }),
});

const rm = defineCommand({
  usage: 'jettison builds rm [OPTIONS] [BUILD...]',
  about: 'Removes builds from the record. What they made stays.',
  flags: { all: { short: 'a', help: 'Remove all of them' } },
  run: ({ flags, args, io }) =>
    withBuilds(io, (store) => {
      if (flags.all === args.length > 0)
        throw usageError('nothing to remove is given', 'Give ids of builds, or --all.');
      const names = flags.all ? store.names() : args.map((id) => findBuildName(store, id));
      for (const name of names) store.remove(name);
      io.stdout.write(`Removed ${plural(names.length, 'build')}\n`);
      return 0;
    }),
});

export const command = defineGroup({
  usage: 'jettison builds COMMAND',
  about:
    'Looks at the builds on record: when they were, what came of each step, why it ran, and what it printed.',
  subcommands: { ls, show, logs, export: exportBuild, import: importBuild, rm },
});
