import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** Files of a folder that hold one of the texts: in their path, as it is, in base64, or compressed. */
export function holding(folder: string, texts: readonly string[]): string[] {
  const wanted = texts.flatMap((text) => [
    text,
    ...[0, 1, 2].map((shift) =>
      Buffer.from('x'.repeat(shift) + text)
        .toString('base64')
        .slice(shift === 0 ? 0 : 4, -4),
    ),
  ]);
  return readdirSync(folder, { withFileTypes: true, recursive: true }).flatMap((entry) => {
    const path = join(entry.parentPath, entry.name);
    if (wanted.some((text) => path.includes(text))) return [path];
    if (!entry.isFile()) return [];
    const bytes = readFileSync(path);
    const contents = bytes[0] === 0x1f && bytes[1] === 0x8b ? [bytes, gunzipSync(bytes)] : [bytes];
    return contents.some((content) => wanted.some((text) => content.includes(text))) ? [path] : [];
  });
}
