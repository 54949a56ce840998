import { lstat, open, readlink, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path/posix';
import { JettisonError } from '../errors/error.ts';
import type { HistoryEntry, RuntimeConfig } from '../image/types.ts';
import type { RecipeEntry } from '../layer/entry.ts';
import { addAccounts } from './accounts.ts';
import { CERTIFICATES, NAME_SERVICE_LIBRARIES, OLD_GLIBC_LIBRARIES, TOOL_FILES, TOOLS } from './contents.ts';
import { findLibraries, linkDirectory } from './libraries.ts';
import { Listing } from './listing.ts';
import { thisMachine } from './machine.ts';

export interface HostBaseOptions {
  /** Node, its libraries, certificates and accounts only: no shell, no npm, no tools. */
  slim?: boolean;
  /** Time of all files and of the image, in seconds since 1970 (`SOURCE_DATE_EPOCH`); 0 without it. */
  time?: number;
}

/** A base image made of this machine's own files: the entries of its one layer, and its config. */
export interface HostBase {
  entries: RecipeEntry[];
  config: RuntimeConfig;
  history: HistoryEntry[];
  /** RFC 3339. */
  created: string;
  /** Files that could not be copied, one sentence each. */
  warnings: string[];
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** Left out of npm's own directory: documentation, and the administrator's settings, which may contain tokens. */
const NPM_LEFT_OUT = ['docs', 'man', 'npmrc', '.npmrc'];
const DIRECTORIES = ['/usr/bin', '/bin', '/usr/sbin', '/sbin'];

/**
 * Lists the files of a base image made of this machine's: the Node that runs this process, npm, a shell, the tools that
 * RUN lines use, and exactly the libraries that these load. Accounts are the image's own, not the machine's. The list
 * depends on the files only, not on the user.
 *
 * @throws JettisonError `BASE_HOST_SYSTEM` on systems other than Linux
 */
export async function listHostBase(options: HostBaseOptions = {}): Promise<HostBase> {
  if (process.platform !== 'linux') {
    throw new JettisonError(
      'BASE_HOST_SYSTEM',
      `a base of this machine's files needs Linux, not ${process.platform}`,
      {
        hint: 'Use a base image from a registry, e.g. FROM node:20-slim.',
      },
    );
  }
  const time = options.time ?? 0;
  const warnings: string[] = [];
  const listing = new Listing(time, (path, reason) => warnings.push(`${path} is left out: ${reason}`));

  await addFrame(listing);
  const programs = [await addNode(listing)];
  if (options.slim) {
    // The path of Node in Google's distroless images.
    listing.symlink('nodejs/bin/node', '../../usr/local/bin/node');
  } else {
    await addPackageManagers(listing, warnings);
    programs.push(...(await addTools(listing)));
  }
  await addLibraries(listing, programs, warnings);
  for (const path of CERTIFICATES) await listing.same(path);
  const shell = options.slim ? undefined : await firstOf(['/bin/bash', '/bin/sh']);
  addAccounts(listing, shell);

  const created = new Date(time * 1000).toISOString().replace('.000Z', 'Z');
  return {
    entries: listing.entries(),
    config: { Env: [`PATH=${PATH}`, `NODE_VERSION=${process.versions.node}`], Cmd: ['node'] },
    history: [{ created, created_by: `jettison base host${options.slim ? ' --slim' : ''}` }],
    created,
    warnings,
  };
}

/** Directories that programs expect; /bin and /lib are links into /usr if the machine's are. */
async function addFrame(listing: Listing): Promise<void> {
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    const status = await lstat(`/${name}`).catch(() => undefined);
    if (!status?.isSymbolicLink()) continue;
    listing.directory(`usr/${name}`);
    listing.symlink(name, await readlink(`/${name}`));
  }
  for (const path of [
    'dev',
    'proc',
    'sys',
    'run',
    'usr/local/bin',
    'usr/local/lib',
    'var/log',
    'var/cache',
  ]) {
    listing.directory(path);
  }
  listing.directory('tmp', 0o1777);
  listing.directory('var/tmp', 0o1777);
  await listing.same('/etc/os-release');
  // Files, then DNS: without this file, glibc would query services that only the machine has.
  listing.text(
    'etc/nsswitch.conf',
    'passwd: files\ngroup: files\nshadow: files\ngshadow: files\nhosts: files dns\n' +
      'networks: files\nprotocols: files\nservices: files\n',
  );
}

/**
 * Node as /usr/local/bin/node, as in the official images. A Node that finds libraries relative to its own path keeps
 * that path, and gets a link.
 */
async function addNode(listing: Listing): Promise<string> {
  const node = await realpath(process.execPath);
  const needs = findLibraries([node], thisMachine());
  if (needs.libraries.some(({ by }) => by === 'origin')) {
    await listing.same(node);
    listing.symlink('usr/local/bin/node', node);
  } else if (!(await listing.file('usr/local/bin/node', node))) {
    throw new JettisonError('BASE_HOST_NODE', `${node} cannot be read`);
  }
  listing.symlink('usr/local/bin/nodejs', 'node');
  for (const file of builtInFiles()) await listing.same(file);
  return node;
}

/** Parts of Node's library that a distribution's build loads from files instead of its binary. */
function builtInFiles(): string[] {
  const { defines = [] } = process.config.target_defaults as { defines?: unknown[] };
  return defines.flatMap((define) => {
    const match = /^NODE_SHARED_BUILTIN_\w+_PATH="?(\/[^"]+)"?$/.exec(String(define).replaceAll('\\', ''));
    return match === null ? [] : [match[1]!];
  });
}

async function addPackageManagers(listing: Listing, warnings: string[]): Promise<void> {
  const npm = await packageDirectory('npm');
  if (npm === undefined) {
    warnings.push('npm is left out: this Node has no npm in one directory');
  } else {
    await listing.tree('usr/local/lib/node_modules/npm', npm, NPM_LEFT_OUT);
    listing.symlink('usr/local/bin/npm', '../lib/node_modules/npm/bin/npm-cli.js');
    listing.symlink('usr/local/bin/npx', '../lib/node_modules/npm/bin/npx-cli.js');
  }
  const corepack = await packageDirectory('corepack');
  if (corepack !== undefined) {
    await listing.tree('usr/local/lib/node_modules/corepack', corepack);
    listing.symlink('usr/local/bin/corepack', '../lib/node_modules/corepack/dist/corepack.js');
  }
}

/** The directory of a package manager: next to this Node, else found through its command on the PATH. */
async function packageDirectory(name: string): Promise<string | undefined> {
  const node = await realpath(process.execPath);
  const candidates = [join(dirname(dirname(node)), 'lib/node_modules', name)];
  for (const directory of (process.env['PATH'] ?? '').split(':')) {
    const command = await realpath(join(directory, name)).catch(() => undefined);
    if (command !== undefined) candidates.push(dirname(dirname(command)));
  }
  for (const directory of candidates) {
    // Debian installs npm's dependencies elsewhere, in packages of their own; such an npm cannot be copied.
    const complete = name !== 'npm' || (await isDirectory(join(directory, 'node_modules')));
    if (complete && basename(directory) === name && (await isDirectory(directory))) return directory;
  }
  return undefined;
}

/** @returns the paths of the programs and scripts that exist */
async function addTools(listing: Listing): Promise<string[]> {
  const programs: string[] = [];
  for (const name of TOOLS) {
    const path = await firstOf(DIRECTORIES.map((directory) => `${directory}/${name}`));
    if (path === undefined || !(await runsHere(path))) continue;
    if (await listing.same(path)) programs.push(path);
  }
  for (const path of TOOL_FILES) {
    if (await firstOf([path])) await listing.same(path);
  }
  return programs;
}

/** False for scripts whose interpreter the image will lack (Debian's adduser is Perl). */
async function runsHere(path: string): Promise<boolean> {
  const start = await firstLine(path);
  const interpreter = /^#!\s*(\S+)(?:\s+(\S+))?/.exec(start);
  if (interpreter === null) return true;
  const name = basename(interpreter[1]!) === 'env' ? (interpreter[2] ?? '') : basename(interpreter[1]!);
  return name === 'sh' || name === 'bash' || name === 'dash';
}

async function addLibraries(listing: Listing, programs: string[], warnings: string[]): Promise<void> {
  const machine = thisMachine();
  const needs = findLibraries(programs, machine);
  for (const { name, file } of needs.missing) warnings.push(`${file} needs ${name}, which was not found`);
  for (const path of needs.interpreters) await listing.same(path);
  for (const { path, name, by } of needs.libraries) {
    if (!(await listing.same(path)) || by !== 'configured') continue;
    // The image gets no loader cache: it would depend on all libraries of the machine.
    const elf = machine.elf(path);
    if (elf !== undefined) listing.symlink(join(linkDirectory(elf), name).slice(1), path);
  }
  for (const path of needs.interpreters) {
    const musl = /\/ld-musl-([^/]+)\.so/.exec(path)?.[1];
    if (musl !== undefined) await listing.same(`/etc/ld-musl-${musl}.path`);
  }
  const libc = needs.libraries.find(({ name }) => name === 'libc.so.6');
  if (libc === undefined) return;
  for (const name of [...NAME_SERVICE_LIBRARIES, ...OLD_GLIBC_LIBRARIES]) {
    await listing.same(join(dirname(libc.path), name));
  }
}

async function firstOf(paths: string[]): Promise<string | undefined> {
  for (const path of paths) {
    if (await lstat(path).catch(() => undefined)) return path;
  }
  return undefined;
}

async function firstLine(path: string): Promise<string> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return '';
  const { buffer, bytesRead } = await file.read(Buffer.alloc(128), 0, 128, 0).finally(() => file.close());
  return buffer.toString('latin1', 0, bytesRead).split('\n', 1)[0]!;
}

async function isDirectory(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined))?.isDirectory() ?? false;
}
