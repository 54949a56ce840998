import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { visibleHtml } from '../errors/safe-text.ts';
import { packagedFile } from '../protocol/program-path.ts';
import type { ReportData } from './report-data.ts';

/** Marks in the template, which `scripts/build.mjs` makes of `page/`: one HTML file with its script and style. */
const TITLE = '{{title}}';
const DATA = '{{data}}';

/**
 * The report as one HTML file that needs nothing else. Whatever the image says is in the data only, as gzip in base64,
 * which has no character that means something to HTML; the title is escaped.
 */
export function reportPage(data: ReportData): Buffer {
  const template = readFileSync(packagedFile('report-page.html'), 'utf8');
  const title = visibleHtml(data.images.map(({ image }) => image.label).join(' → '));
  const packed = gzipSync(JSON.stringify(data), { level: 9 }).toString('base64');
  // No `replace` with a text: `$` would mean something in it.
  return Buffer.from(template.replace(TITLE, () => title).replace(DATA, () => packed));
}
