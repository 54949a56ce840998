import { createReadStream, createWriteStream, rmSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { JettisonError, usageError } from '../../errors/error.ts';
import { plural, size } from '../../events/units.ts';
import type { Worker } from '../../protocol/operations.ts';
import { cacheDirectory, discardCache, listCaches, type StoredCache } from '../../store/cache-mounts.ts';
import { openStore, type Store } from '../../store/store.ts';
import { temporaryPath } from '../../store/temporary.ts';
import { defineCommand, defineGroup, type Io } from '../command.ts';
import { listFlags } from '../flags/common.ts';
import { age } from '../print/docker-units.ts';
import { printList } from '../print/list-output.ts';

/** The store, and the worker, which is started on first use: only it can read all files of a cache. */
interface Access {
  store: Store;
  worker: () => Promise<Worker>;
}

async function withStore(io: Io, act: (access: Access) => Promise<number>): Promise<number> {
  const store = openStore({ env: io.env });
  const { startWorker } = await import('../../host/client.ts');
  let starting: Promise<Worker> | undefined;
  const worker = () => {
    starting ??= startWorker({ home: store.layout.home });
    return starting;
  };
  try {
    return await act({ store, worker });
  } finally {
    await (await starting?.catch(() => undefined))?.close();
    store.close();
  }
}

/** Waits for running builds to end, and prevents new ones, since caches are changed. */
function alone(store: Store, io: Io): Promise<() => void> {
  return store.leases.prune(() => io.stderr.write('waiting for running builds to end\n'), io.signal);
}

/** The caches with these ids or names; default: all. */
function chosen(store: Store, wanted: readonly string[]): StoredCache[] {
  const all = listCaches(store.layout);
  if (wanted.length === 0) return all;
  const matches = ({ name, record }: StoredCache, text: string) =>
    record.id === text || name === text || (/^[0-9a-f]{12}/.test(text) && shortName(name) === text);
  for (const text of wanted) {
    if (all.some((cache) => matches(cache, text))) continue;
    throw new JettisonError('CACHE_UNKNOWN', `unknown cache mount "${text}"`, {
      hint: '`jettison cache-mounts ls` lists them.',
    });
  }
  return all.filter((cache) => wanted.some((text) => matches(cache, text)));
}

function shortName(name: string): string {
  return name.slice(0, 12) + name.slice(32);
}

const NOTES = "An id is that of --mount=type=cache, else its target; a cache's name in the store works too.";

const ls = defineCommand({
  usage: 'jettison cache-mounts ls [OPTIONS]',
  about: 'Lists the caches: id, size, last use.',
  flags: listFlags('{{.ID}} {{.Size}}'),
  run: ({ flags, io }) =>
    withStore(io, async ({ store, worker }) => {
      const caches = listCaches(store.layout);
      const folders = caches.map(({ name }) => cacheDirectory(store.layout, name));
      const sizes = folders.length === 0 ? [] : await (await worker()).measure({ folders });
      printList(
        io,
        {
          columns: [
            ['ID', 'ID'],
            ['Name', 'NAME'],
            ['Size', 'SIZE'],
            ['LastUsed', 'LAST USED'],
          ],
          rows: caches.map(({ name, record, usedMs }, i) => ({
            ID: record.id,
            Name: shortName(name),
            Size: size(sizes[i]!),
            LastUsed: age(new Date(usedMs).toISOString()),
          })),
          shrink: ['ID'],
          facts: caches.map(({ name, record, usedMs }, i) => ({
            ...record,
            name,
            size: sizes[i],
            used: new Date(usedMs).toISOString(),
          })),
        },
        flags,
      );
      return 0;
    }),
});

const rm = defineCommand({
  usage: 'jettison cache-mounts rm [OPTIONS] [ID...]',
  about: 'Deletes caches.',
  flags: { all: { short: 'a', help: 'Delete all of them' } },
  notes: NOTES,
  run: ({ flags, args, io }) =>
    withStore(io, async ({ store, worker }) => {
      if (flags.all === args.length > 0) {
        throw usageError('nothing to delete is given', 'Give ids of caches, or --all.');
      }
      const end = await alone(store, io);
      try {
        const caches = chosen(store, args);
        if (caches.length > 0) {
          const paths = caches.map(({ name }) => discardCache(store.layout, name));
          await (await worker()).remove({ paths });
        }
        io.stdout.write(`Deleted ${plural(caches.length, 'cache mount')}\n`);
        return 0;
      } finally {
        end();
      }
    }),
});

const exportCaches = defineCommand({
  usage: 'jettison cache-mounts export [OPTIONS] [ID...]',
  about: 'Writes caches (default: all) to a tar, on standard output without -o.',
  flags: {
    compress: { short: 'z', help: 'Compress with gzip; default: where FILE ends with .gz or .tgz' },
    output: { short: 'o', value: 'FILE', help: 'Write to a file' },
  },
  notes: NOTES,
  examples: ['jettison cache-mounts export -o caches.tgz /root/.npm'],
  run: ({ flags, has, args, io }) =>
    withStore(io, async ({ store, worker }) => {
      const { output } = flags;
      const stdout = output === undefined || output === '-';
      if (stdout && io.stdout.isTTY) {
        throw usageError('cannot write an archive to a terminal', 'Write it to a file with -o FILE.');
      }
      const compress = has('compress') ? flags.compress : /\.t?gz$/.test(output ?? '');
      const end = await alone(store, io);
      const path = temporaryPath(store.layout, 'caches');
      try {
        const names = chosen(store, args).map(({ name }) => name);
        await (await worker()).exportCaches({ names, path, compress });
        if (stdout) await pipeline(createReadStream(path), io.stdout, { end: false });
        else await copyFile(path, resolve(io.cwd, output));
        return 0;
      } finally {
        rmSync(path, { force: true });
        end();
      }
    }),
});

const importCaches = defineCommand({
  usage: 'jettison cache-mounts import [FILE]',
  about: `Reads caches from a tar of \`cache-mounts export\`, from standard input without FILE. They replace existing
ones.`,
  examples: ['jettison cache-mounts import caches.tgz'],
  run: ({ args, io }) =>
    withStore(io, async ({ store, worker }) => {
      const [file = '-'] = args;
      const path = file === '-' ? temporaryPath(store.layout, 'caches') : resolve(io.cwd, file);
      const end = await alone(store, io);
      try {
        if (file === '-') await pipeline(io.stdin, createWriteStream(path));
        const names = await (await worker()).importCaches({ path });
        io.stdout.write(`Imported ${plural(names.length, 'cache mount')}\n`);
        return 0;
      } finally {
        if (file === '-') rmSync(path, { force: true });
        end();
      }
    }),
});

export const command = defineGroup({
  usage: 'jettison cache-mounts COMMAND',
  about: 'Manages the contents of RUN --mount=type=cache, which the store keeps between builds.',
  subcommands: { ls, rm, export: exportCaches, import: importCaches },
});
