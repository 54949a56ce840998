import { createReadStream, createWriteStream, rmSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { JettisonError } from '../../errors/error.ts';
import { plural, size } from '../../events/units.ts';
import type { Worker } from '../../protocol/operations.ts';
import { cacheDirectory, discardCache, listCaches, type StoredCache } from '../../store/cache-mounts.ts';
import { openStore, type Store } from '../../store/store.ts';
import { temporaryPath } from '../../store/temporary.ts';
import type { Command, Io } from '../command.ts';
import { age } from '../print/docker-units.ts';
import { OUTPUT_OPTIONS, printList } from '../print/list-output.ts';
import { usageError } from '../usage.ts';

const help = `Usage: jettison cache-mounts COMMAND

Looks after what RUN --mount=type=cache keeps between builds.

Commands:
  ls [--json|--format FORMAT]    List the caches: id, size, when they were last used
  rm ID... | --all               Delete caches
  export [-o FILE] [-z] [ID...]  Write caches (default: all) to a tar, on standard output without -o;
                                 compressed with -z, or when FILE ends with .gz or .tgz
  import [FILE]                  Read caches from such a tar, from standard input without FILE; they take
                                 the place of those that are there

An id is what --mount says, else the target; a cache's name in the store works too.

Examples:
  jettison cache-mounts export -o caches.tgz /root/.npm
  jettison cache-mounts import caches.tgz
`;

async function run(args: string[], io: Io): Promise<number> {
  const [name, ...rest] = args;
  const action = Object.hasOwn(ACTIONS, name ?? '') ? ACTIONS[name as keyof typeof ACTIONS] : undefined;
  if (action === undefined) {
    throw usageError(
      name === undefined ? 'cache-mounts needs a command' : `cache-mounts has no command "${name}"`,
      'There are ls, rm, export and import.',
    );
  }
  const store = openStore({ env: io.env });
  const { startWorker } = await import('../../host/client.ts');
  let starting: Promise<Worker> | undefined;
  const worker = () => {
    starting ??= startWorker({ home: store.layout.home });
    return starting;
  };
  try {
    return await action({ store, worker, args: rest, io });
  } finally {
    await (await starting?.catch(() => undefined))?.close();
    store.close();
  }
}

interface Action {
  store: Store;
  worker: () => Promise<Worker>;
  args: string[];
  io: Io;
}

async function list({ store, worker, args, io }: Action): Promise<number> {
  const { values } = parseArgs({ args, options: OUTPUT_OPTIONS });
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
    values,
  );
  return 0;
}

async function remove({ store, worker, args, io }: Action): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { all: { type: 'boolean', short: 'a' } },
  });
  if ((values.all ?? false) === positionals.length > 0) {
    throw usageError('say which caches to delete', 'Give their ids, or --all.');
  }
  const end = await alone(store, io);
  try {
    const caches = chosen(store, positionals);
    if (caches.length > 0) {
      const paths = caches.map(({ name }) => discardCache(store.layout, name));
      await (await worker()).remove({ paths });
    }
    io.stdout.write(`Deleted ${plural(caches.length, 'cache mount')}\n`);
    return 0;
  } finally {
    end();
  }
}

async function write({ store, worker, args, io }: Action): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { output: { type: 'string', short: 'o' }, compress: { type: 'boolean', short: 'z' } },
  });
  const { output } = values;
  const stdout = output === undefined || output === '-';
  if (stdout && io.stdout.isTTY) {
    throw usageError('an archive is nothing for a terminal', 'Write it to a file: -o FILE.');
  }
  const compress = values.compress ?? /\.t?gz$/.test(output ?? '');
  const end = await alone(store, io);
  const path = temporaryPath(store.layout, 'caches');
  try {
    const names = chosen(store, positionals).map(({ name }) => name);
    await (await worker()).exportCaches({ names, path, compress });
    if (stdout) await pipeline(createReadStream(path), io.stdout, { end: false });
    else await copyFile(path, resolve(io.cwd, output));
    return 0;
  } finally {
    rmSync(path, { force: true });
    end();
  }
}

async function read({ store, worker, args, io }: Action): Promise<number> {
  const { positionals } = parseArgs({ args, allowPositionals: true });
  const [file = '-', extra] = positionals;
  if (extra !== undefined) throw usageError('import reads one archive', 'Give one FILE.');
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
}

/** Waits for running builds to end, and keeps others from starting: their caches change. */
function alone(store: Store, io: Io): Promise<() => void> {
  return store.leases.prune(() => io.stderr.write('waiting for running builds to end\n'), io.signal);
}

/** The caches of these ids or names; without any all of them. */
function chosen(store: Store, wanted: readonly string[]): StoredCache[] {
  const all = listCaches(store.layout);
  if (wanted.length === 0) return all;
  const matches = ({ name, record }: StoredCache, text: string) =>
    record.id === text || name === text || (/^[0-9a-f]{12}/.test(text) && shortName(name) === text);
  for (const text of wanted) {
    if (all.some((cache) => matches(cache, text))) continue;
    throw new JettisonError('CACHE_UNKNOWN', `there is no cache mount "${text}"`, {
      hint: '`jettison cache-mounts ls` lists them.',
    });
  }
  return all.filter((cache) => wanted.some((text) => matches(cache, text)));
}

function shortName(name: string): string {
  return name.slice(0, 12) + name.slice(32);
}

const ACTIONS = { ls: list, rm: remove, export: write, import: read };

export const command: Command = { subcommands: Object.keys(ACTIONS), help, run };
