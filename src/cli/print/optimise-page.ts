import type { OptimiseResult } from '../../build/optimise.ts';
import { visibleHtml } from '../../errors/safe-text.ts';
import { staticPage } from '../../fields/static-page.ts';
import { figureRows } from './optimise-text.ts';

const STYLE = `body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; display: block; overflow-x: auto }
th, td { text-align: left; padding: .35rem .8rem; border-bottom: 1px solid #8884; white-space: nowrap }
tr:last-child td { font-weight: 600 }
pre { overflow-x: auto; padding: 1rem; border: 1px solid #8884; border-radius: .4rem }
ins, del { text-decoration: none; display: inline-block; min-width: 100% }
ins { background: #2da04430 }
del { background: #d1242f30 }
small, .why { color: #8a8f98 }`;

/**
 * What `optimise` found as one HTML file: the table, the rewrites and the patch. It has no script and loads nothing; what
 * comes of the project is escaped text.
 */
export function optimisePage(result: OptimiseResult, patch: string): string {
  const { steps, rejected, undecided, file } = result;
  const [, ...kept] = steps;
  const [head = [], ...rows] = figureRows(steps);
  const body = `<h1>${visibleHtml(file)}</h1>
${undecided === undefined ? '' : `<p><strong>Nothing is proven: ${visibleHtml(undecided)}.</strong></p>\n`}<table>
<thead><tr>${cells('th', head)}</tr></thead>
<tbody>
${rows.map((row) => `<tr>${cells('td', row)}</tr>\n`).join('')}</tbody>
</table>
${list(
  'Proven: built, run, and compared with the original',
  kept.map(({ id = '', summary, check }) => [id, summary, check === undefined ? [] : [`check: ${check}`]]),
)}${list(
  'Not used',
  rejected.map(({ id, summary, reasons }) => [id, summary, reasons]),
)}${patch === '' ? '' : `<h2>Patch</h2>\n<pre>${patchHtml(patch)}</pre>\n`}`;
  return staticPage({ title: `${file} · Jettison optimise`, style: STYLE, body });
}

function cells(tag: 'th' | 'td', texts: readonly string[]): string {
  return texts.map((text) => `<${tag}>${visibleHtml(text)}</${tag}>`).join('');
}

function list(title: string, items: [id: string, summary: string, notes: readonly string[]][]): string {
  if (items.length === 0) return '';
  const entries = items.map(([id, summary, notes]) => {
    const lines = notes.map((note) => `<br><span class="why">${visibleHtml(note)}</span>`).join('');
    return `<li><strong>${visibleHtml(id)}</strong>: ${visibleHtml(summary)}${lines}</li>\n`;
  });
  return `<h2>${title}</h2>\n<ul>\n${entries.join('')}</ul>\n`;
}

function patchHtml(patch: string): string {
  const lines = patch.split('\n').map((line) => {
    const tag = /^\+(?!\+\+)/.test(line) ? 'ins' : /^-(?!--)/.test(line) ? 'del' : undefined;
    return tag === undefined ? visibleHtml(line) : `<${tag}>${visibleHtml(line)}</${tag}>`;
  });
  return lines.join('\n');
}
