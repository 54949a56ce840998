/**
 * Prints, as JSON, the files of a folder that hold one of the texts: in their path, as it is, in base64, or compressed.
 *
 * Usage: node holding-search.mjs FOLDER, with the texts as JSON on standard input
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

const folder = process.argv[2];
const texts = JSON.parse(readFileSync(0, 'utf8'));

/** A text as it is, and the part of it that base64 shows wherever in the data it begins. */
const wanted = texts.flatMap((text) => [
  text,
  ...[0, 1, 2].map((shift) =>
    Buffer.from('x'.repeat(shift) + text)
      .toString('base64')
      .slice(shift === 0 ? 0 : 4, -4),
  ),
]);

function holds(entry, path) {
  if (wanted.some((text) => path.includes(text))) return true;
  if (!entry.isFile()) return false;
  const bytes = readFileSync(path);
  const contents = bytes[0] === 0x1f && bytes[1] === 0x8b ? [bytes, gunzipSync(bytes)] : [bytes];
  return contents.some((content) => wanted.some((text) => content.includes(text)));
}

const found = readdirSync(folder, { withFileTypes: true, recursive: true })
  .map((entry) => ({ entry, path: join(entry.parentPath, entry.name) }))
  .filter(({ entry, path }) => holds(entry, path))
  .map(({ path }) => path);
process.stdout.write(JSON.stringify(found));
