import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { packDatabase } from '../../advisories/artifact.ts';
import { buildDatabase } from '../../advisories/build-database.ts';
import { DEFAULT_DATABASES, fetchDatabase, loadDatabase } from '../../advisories/fetch-database.ts';
import { JettisonError } from '../../errors/error.ts';
import { plural, size } from '../../events/units.ts';
import { writeOutput } from '../../export/write-output.ts';
import { useRegistries } from '../../registry/registries.ts';
import type { DatabaseRecord } from '../../store/databases.ts';
import { type Store, useStore } from '../../store/store.ts';
import { temporaryPath } from '../../store/temporary.ts';
import { defineCommand, defineGroup, type Io } from '../command.ts';
import { listFlags, REGISTRY_FLAGS } from '../flags/common.ts';
import { age } from '../print/docker-units.ts';
import { printList } from '../print/list-output.ts';
import { TransferView } from '../print/transfer-progress.ts';

const pull = defineCommand({
  usage: 'jettison db pull [OPTIONS] [REF]',
  about: `Fetches advisories from a registry. REF is a trivy-db, as your own mirror of it; without REF, it comes
from the publisher's mirror, or from the publisher. A publisher is asked at most every six hours.`,
  flags: { force: { help: 'Ask, even if it was asked less than six hours ago' }, ...REGISTRY_FLAGS },
  examples: ['jettison db pull', 'jettison db pull registry.example.com/security/trivy-db:2'],
  async run({ flags, args, io }) {
    const { env, signal } = io;
    const view = new TransferView(io, 'pull');
    const wanted = { env, signal, insecure: flags['registry-insecure'] };
    try {
      return await useStore(io, (store) =>
        useRegistries(wanted, async (registries) => {
          const { onProgress } = view;
          const { record, outcome } = await firstThatWorks(
            args.length > 0 ? args : DEFAULT_DATABASES,
            (reference) => fetchDatabase(reference, { store, registries, force: flags.force, onProgress }),
          );
          view.end();
          const said = {
            new: `fetched ${record.reference}`,
            same: `${record.reference} has nothing newer`,
            early: `${record.reference} was asked ${age(record.checked)}; --force asks again`,
          }[outcome];
          const data = record.updated === undefined ? '' : `: advisories of ${age(record.updated)}`;
          io.stdout.write(`${said}${data}\n`);
          return 0;
        }),
      );
    } finally {
      view.end();
    }
  },
});

const save = defineCommand({
  usage: 'jettison db save [OPTIONS] [REF]',
  about: 'Writes advisories of the store to a file, for a machine without a network.',
  flags: { output: { short: 'o', value: 'FILE', help: 'Where to; default advisories.tar.gz' } },
  examples: ['jettison db save -o advisories.tar.gz'],
  async run({ flags, args, io }) {
    return useStore(io, async (store) => {
      const record = chosen(store, args[0]);
      io.stdout.write(`${await write(record, record.path, flags.output, io)}\n`);
      return 0;
    });
  },
});

const build = defineCommand({
  usage: 'jettison db build [OPTIONS] PATH...',
  about: `Makes a database of OSV records: folders and zips as osv.dev publishes them, and single JSON files, also Node's own
index of vulnerabilities. CISA's catalogue of exploited flaws (JSON) and a table of EPSS (CSV) are added to the flaws that
they name. The same records give the same file.`,
  flags: { output: { short: 'o', value: 'FILE', help: 'Where to; default advisories.tar.gz' } },
  examples: [
    'jettison db build -o advisories.tar.gz npm/all.zip node/index.json',
    'jettison db build npm/all.zip kev.json epss.csv.gz',
  ],
  async run({ flags, args, io }) {
    return useStore(io, async (store) => {
      const path = temporaryPath(store.layout, 'advisories');
      const built = buildDatabase(
        args.map((arg) => resolve(io.cwd, arg)),
        path,
      );
      const { records, packages, scopes, updated } = built;
      const facts = { format: 'advisories', ...(updated !== undefined && { updated }) } as const;
      io.stdout.write(
        `${await write(facts, path, flags.output, io)}: ${plural(records, 'record')} of ${plural(packages, 'package')} (${scopes.join(', ')})\n`,
      );
      return 0;
    });
  },
});

const load = defineCommand({
  usage: 'jettison db load [OPTIONS] FILE',
  about:
    'Takes advisories from a file of `jettison db save` into the store; `jettison scan` finds them without a network.',
  flags: {
    as: { value: 'REF', help: `What they would have been fetched from; default ${DEFAULT_DATABASES[0]}` },
  },
  examples: ['jettison db load advisories.tar.gz'],
  async run({ flags, args, io }) {
    return useStore(io, async (store) => {
      const record = await loadDatabase(store, resolve(io.cwd, args[0]!), flags.as ?? DEFAULT_DATABASES[0]!);
      const of = record.updated === undefined ? '' : ` of ${age(record.updated)}`;
      io.stdout.write(`loaded advisories${of} as ${record.reference}\n`);
      return 0;
    });
  },
});

const info = defineCommand({
  usage: 'jettison db info [OPTIONS]',
  about: 'Lists the advisories that the store has: where they are from, and as of when.',
  flags: listFlags('{{.Reference}}'),
  async run({ flags, io }) {
    return useStore(io, async (store) => {
      const found = store.databases.list();
      printList(
        io,
        {
          columns: [
            ['Reference', 'REFERENCE'],
            ['Format', 'FORMAT'],
            ['Updated', 'UPDATED'],
            ['Checked', 'CHECKED'],
            ['Size', 'SIZE'],
          ],
          rows: found.map(({ reference, format, updated, checked, path }) => ({
            ...{ Reference: reference, Format: format, Updated: updated === undefined ? '' : age(updated) },
            ...{ Checked: age(checked), Size: size(statSync(path).size) },
          })),
          shrink: ['REFERENCE'],
          facts: found.map(({ path, ...record }) => ({ ...record, bytes: statSync(path).size })),
        },
        flags,
      );
      return 0;
    });
  },
});

export const command = defineGroup({
  usage: 'jettison db COMMAND',
  about: 'Looks after the advisories that `jettison scan` looks in.',
  subcommands: { pull, save, load, build, info },
});

/** Writes a database to a file. @returns what was done, for people */
async function write(
  facts: Parameters<typeof packDatabase>[0],
  database: string,
  output = 'advisories.tar.gz',
  io: Io,
): Promise<string> {
  const path = resolve(io.cwd, output);
  const content = packDatabase(facts, database, statSync(database).size);
  await writeOutput({ path }, content, io.signal);
  return `wrote ${output} (${size(statSync(path).size)})`;
}

/** @throws JettisonError `DATABASE_MISSING` */
function chosen(store: Store, reference: string | undefined): DatabaseRecord & { path: string } {
  const all = store.databases.list();
  const found = reference === undefined ? all[0] : store.databases.use(reference);
  if (found !== undefined && (reference !== undefined || all.length === 1)) return found;
  throw new JettisonError(
    'DATABASE_MISSING',
    reference === undefined && all.length > 1
      ? `the store has ${all.length} databases of advisories`
      : `the store has no advisories${reference === undefined ? '' : ` of ${reference}`}`,
    {
      hint:
        all.length === 0
          ? 'Fetch some: jettison db pull.'
          : `Name one: ${all.map((one) => one.reference).join(', ')}.`,
    },
  );
}

/** The result for the first of several references that gives one; the last one's error where none does. */
async function firstThatWorks<T>(
  references: readonly string[],
  use: (reference: string) => Promise<T>,
): Promise<T> {
  for (const [at, reference] of references.entries()) {
    try {
      return await use(reference);
    } catch (error) {
      if (!(error instanceof JettisonError) || at === references.length - 1) throw error;
    }
  }
  throw new Error('there is no reference');
}
