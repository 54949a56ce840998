import { closeSync, openSync, readdirSync, readFileSync, readSync, realpathSync } from 'node:fs';
import { type ElfFile, readElf } from './elf.ts';
import type { Machine } from './libraries.ts';

/** The machine that Jettison runs on. Reads the headers of each path once. */
export function thisMachine(): Machine {
  const seen = new Map<string, ElfFile | undefined>();
  return {
    elf(path) {
      if (!seen.has(path)) seen.set(path, readHeaders(path));
      return seen.get(path);
    },
    real: (path) => attempt(() => realpathSync(path)),
    text: (path) => attempt(() => readFileSync(path, 'utf8')),
    names: (path) => attempt(() => readdirSync(path).sort()) ?? [],
  };
}

function readHeaders(path: string): ElfFile | undefined {
  const file = attempt(() => openSync(path, 'r'));
  if (file === undefined) return undefined;
  try {
    return readElf((offset, length) => {
      const bytes = Buffer.alloc(length);
      return bytes.subarray(0, readSync(file, bytes, 0, length, offset));
    });
  } catch (error) {
    // A directory can be opened, but not read.
    if ((error as NodeJS.ErrnoException).code === 'EISDIR') return undefined;
    throw error;
  } finally {
    closeSync(file);
  }
}

/** The result of a call, or undefined after a file system error. */
function attempt<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return undefined;
  }
}
