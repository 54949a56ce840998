import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { visibleHtml } from '../errors/safe-text.ts';
import { packagedFile } from '../protocol/program-path.ts';
import { jsonPieces } from './json-pieces.ts';
import type { WrittenReport } from './report-data.ts';

/** Marks in the template, which `scripts/build.mjs` makes of `page/`: one HTML file with its script and style. */
const TITLE = '{{title}}';
const DATA = '{{data}}';
/** Bytes that are four characters of base64. */
const UNIT = 3;

/**
 * The report as one self-contained HTML file, in pieces. Text of the image is in the data only, as gzip in base64, which
 * has no character that is special in HTML; the title is escaped.
 */
export async function* reportPage(data: WrittenReport): AsyncGenerator<Buffer> {
  const template = readFileSync(packagedFile('report-page.html'), 'utf8');
  const title = visibleHtml(data.images.map(({ image }) => image.label).join(' → '));
  const [before = '', after = ''] = template.split(DATA);
  // Not `replace` with a string: `$` is special in it.
  yield Buffer.from(before.replace(TITLE, () => title));
  yield* inBase64(Readable.from(jsonPieces(data)).pipe(createGzip({ level: 9 })));
  yield Buffer.from(after);
}

async function* inBase64(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0);
  for await (const chunk of bytes) {
    const all = Buffer.concat([rest, chunk]);
    const end = all.length - (all.length % UNIT);
    rest = all.subarray(end);
    yield Buffer.from(all.toString('base64', 0, end));
  }
  yield Buffer.from(rest.toString('base64'));
}
