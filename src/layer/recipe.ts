import { closeSync, openSync, readSync, writeFileSync } from 'node:fs';
import type { RecipeEntry } from './entry.ts';
import { encodeEntry } from './layer-index.ts';

const CHUNK = 1 << 18;

/**
 * Writes a recipe: the entries of a layer with the source of each file, in the format of an index.
 *
 * @param entries in canonical order; a hard link after the file that it names
 */
export function writeRecipe(path: string, entries: Iterable<RecipeEntry>): void {
  const fd = openSync(path, 'w', 0o600);
  try {
    let text = '';
    for (const entry of entries) {
      text += `${encodeEntry(entry)}\n`;
      if (text.length > CHUNK) {
        writeFileSync(fd, text);
        text = '';
      }
    }
    writeFileSync(fd, text);
  } finally {
    closeSync(fd);
  }
}

/** Reads a recipe (or an index) from its file, entry by entry. */
export function* readRecipe(path: string): Generator<RecipeEntry> {
  const fd = openSync(path, 'r');
  try {
    const chunk = Buffer.allocUnsafe(CHUNK);
    let held: Buffer = Buffer.alloc(0);
    for (;;) {
      const count = readSync(fd, chunk);
      if (count === 0) return;
      const data = Buffer.concat([held, chunk.subarray(0, count)]);
      let at = 0;
      for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10, at)) {
        yield JSON.parse(data.toString('utf8', at, end)) as RecipeEntry;
        at = end + 1;
      }
      held = data.subarray(at);
    }
  } finally {
    closeSync(fd);
  }
}
