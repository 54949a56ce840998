import { dirname, join } from 'node:path/posix';
import type { ElfFile } from './elf.ts';

/** The machine's files, as far as the search needs them; tests pass their own. */
export interface Machine {
  /** The headers of the ELF file at a path, symlinks followed; undefined if there is none. */
  elf(path: string): ElfFile | undefined;
  /** The path with every symlink resolved; undefined if nothing is there. */
  real(path: string): string | undefined;
  /** A text file's content; undefined if it cannot be read. */
  text(path: string): string | undefined;
  /** Names in a directory, sorted; empty if there is none. */
  names(path: string): string[];
}

/** A shared library that a program loads. */
export interface Library {
  /** The requested name. */
  name: string;
  /** The path at which the loader finds it; may contain symlinks. */
  path: string;
  /**
   * How it was found. `default`: in a directory that the loader always searches. `configured`: in a directory of
   * /etc/ld.so.conf, which takes effect through the loader's cache. `absolute`: by an absolute path in the program.
   * `origin`: by a path relative to the program's own directory.
   */
  by: 'default' | 'configured' | 'absolute' | 'origin';
}

export interface Needs {
  /** Loaders (`PT_INTERP`), sorted. */
  interpreters: string[];
  /** Each path once, sorted by path. */
  libraries: Library[];
  /** Libraries that were not found, each with the file that needs it. */
  missing: { name: string; file: string }[];
}

/** Debian's names for its library directories, by `e_machine` and class. */
const TRIPLETS: Record<string, string> = {
  '62/64': 'x86_64-linux-gnu',
  '3/32': 'i386-linux-gnu',
  '183/64': 'aarch64-linux-gnu',
  '40/32': 'arm-linux-gnueabihf',
  '21/64': 'powerpc64le-linux-gnu',
  '22/64': 's390x-linux-gnu',
  '243/64': 'riscv64-linux-gnu',
};

/**
 * Finds the loaders and shared libraries of programs, transitively, in the search order of ld.so: RPATH (of the file
 * and of those that load it) unless there is a RUNPATH, RUNPATH, the directories of /etc/ld.so.conf, the standard
 * directories. Ignores `LD_LIBRARY_PATH`, which would not be set in an image. musl's loader has its own, shorter list.
 *
 * @param programs absolute paths; files that are not ELF need nothing
 */
export function findLibraries(programs: readonly string[], machine: Machine): Needs {
  const interpreters = new Set<string>();
  const libraries = new Map<string, Library>();
  const missing = new Map<string, { name: string; file: string }>();
  const configured = configuredDirectories(machine);

  for (const program of programs) {
    const elf = machine.elf(program);
    if (elf === undefined) continue;
    if (elf.interpreter !== undefined) interpreters.add(elf.interpreter);
    const search = searchOf(elf, configured, machine);
    // The loader identifies a library by its name: a second request gets the same file.
    const loaded = new Set<string>();
    const todo = [{ path: program, elf, inherited: [] as Place[] }];
    for (let item = todo.shift(); item !== undefined; item = todo.shift()) {
      const own = places(item.elf.rpath, item.path, machine);
      const before = item.elf.runpath.length > 0 ? [] : [...own, ...item.inherited];
      const list = [...before, ...places(item.elf.runpath, item.path, machine), ...search];
      for (const name of item.elf.needed) {
        if (loaded.has(name)) continue;
        loaded.add(name);
        const found = find(name, list, elf, machine);
        if (found === undefined) {
          missing.set(name, { name, file: item.path });
          continue;
        }
        libraries.set(found.library.path, found.library);
        todo.push({ path: found.library.path, elf: found.elf, inherited: [...own, ...item.inherited] });
      }
    }
  }
  return {
    interpreters: [...interpreters].sort(),
    libraries: [...libraries.values()].sort((a, b) => (a.path < b.path ? -1 : 1)),
    missing: [...missing.values()],
  };
}

/** A directory that is always searched: a link in it makes a `configured` library found without the loader's cache. */
export function linkDirectory(elf: ElfFile): string {
  const triplet = TRIPLETS[`${elf.machine}/${elf.bits}`];
  return triplet === undefined ? '/usr/lib' : `/usr/lib/${triplet}`;
}

interface Place {
  directory: string;
  by: Library['by'];
}

function find(
  name: string,
  list: Place[],
  like: ElfFile,
  machine: Machine,
): { library: Library; elf: ElfFile } | undefined {
  const candidates: { path: string; by: Library['by'] }[] = name.includes('/')
    ? [{ path: name, by: 'absolute' }]
    : list.map(({ directory, by }) => ({ path: join(directory, name), by }));
  for (const { path, by } of candidates) {
    const elf = machine.elf(path);
    // Skips libraries of another architecture, as the loader does.
    if (elf !== undefined && elf.bits === like.bits && elf.machine === like.machine) {
      return { library: { name, path, by }, elf };
    }
  }
  return undefined;
}

/** Directories of RPATH or RUNPATH, without those with tokens that only the loader can expand. */
function places(entries: string[], file: string, machine: Machine): Place[] {
  return entries.flatMap((entry): Place[] => {
    const relative = /\$(?:ORIGIN\b|\{ORIGIN\})/.test(entry);
    const origin = dirname(machine.real(file) ?? file);
    const directory = entry.replaceAll(/\$(?:ORIGIN\b|\{ORIGIN\})/g, () => origin);
    if (directory.includes('$') || !directory.startsWith('/')) return [];
    return [{ directory: join(directory), by: relative ? 'origin' : 'absolute' }];
  });
}

function searchOf(elf: ElfFile, configured: string[], machine: Machine): Place[] {
  const fixed = (directory: string): Place => ({ directory, by: 'default' });
  const musl = /\/ld-musl-([^/]+)\.so/.exec(elf.interpreter ?? '')?.[1];
  if (musl !== undefined) {
    const own = machine.text(`/etc/ld-musl-${musl}.path`)?.split(/[:\n]/).filter(Boolean);
    return (own ?? ['/lib', '/usr/local/lib', '/usr/lib']).map(fixed);
  }
  const triplet = TRIPLETS[`${elf.machine}/${elf.bits}`];
  const multiarch = triplet === undefined ? [] : [`/lib/${triplet}`, `/usr/lib/${triplet}`];
  const wide = elf.bits === 64 ? ['/lib64', '/usr/lib64'] : [];
  const standard = [...multiarch, ...wide, '/lib', '/usr/lib'];
  const always = new Set(standard.map((directory) => machine.real(directory) ?? directory));
  return [
    ...configured.map((directory): Place => {
      const known = always.has(machine.real(directory) ?? directory);
      return { directory, by: known ? 'default' : 'configured' };
    }),
    ...standard.map(fixed),
  ];
}

/** Directories of /etc/ld.so.conf with its `include` lines, in order. */
function configuredDirectories(machine: Machine): string[] {
  const directories: string[] = [];
  const seen = new Set<string>();
  const readConfig = (path: string) => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const raw of (machine.text(path) ?? '').split('\n')) {
      const line = raw.replace(/#.*/, '').trim();
      const include = /^include\s+(.+)$/.exec(line);
      if (include !== null) {
        for (const pattern of include[1]!.split(/\s+/)) {
          for (const file of expand(pattern, dirname(path), machine)) readConfig(file);
        }
      } else if (line.startsWith('/')) {
        directories.push(
          ...line
            .split(/[\s:,]+/)
            .map((part) => part.replace(/=.*/, ''))
            .filter(Boolean),
        );
      }
    }
  };
  readConfig('/etc/ld.so.conf');
  return directories;
}

/** Files that match an `include` pattern. Supports wildcards in the last component only, as all distributions use them. */
function expand(pattern: string, base: string, machine: Machine): string[] {
  const full = pattern.startsWith('/') ? pattern : join(base, pattern);
  const name = full.slice(full.lastIndexOf('/') + 1);
  if (!name.includes('*')) return [full];
  const matcher = new RegExp(
    `^${name
      .split('*')
      .map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*')}$`,
  );
  return machine
    .names(dirname(full))
    .filter((candidate) => matcher.test(candidate))
    .map((candidate) => join(dirname(full), candidate));
}
