import type { OptimiseResult, OptimiseStep } from '../../build/optimise.ts';
import { visible } from '../../errors/safe-text.ts';
import { style, wantsColor } from '../../errors/style.ts';
import { seconds, size } from '../../events/units.ts';
import type { Io } from '../command.ts';
import { table } from './docker-units.ts';
import { markdownCode, markdownTable, markdownText } from './markdown.ts';

const HEAD = ['', 'Size', 'Packed', 'Layers', 'Files', 'Waste', 'Cold build', 'After an edit', 'User'];

/** Figures of the original and of each rewrite, a row a step. */
export function figureRows(steps: readonly OptimiseStep[]): string[][] {
  const [first] = steps;
  return [
    HEAD,
    ...steps.map(({ id, title, figures }) => [
      id ?? title,
      `${size(figures.size)}${ratio(figures.size, first!.figures.size)}`,
      size(figures.packed),
      String(figures.layers),
      figures.files.toLocaleString('en-US'),
      size(figures.waste),
      seconds(figures.coldMs),
      figures.rebuildMs === undefined ? 'not measured' : seconds(figures.rebuildMs),
      figures.user,
    ]),
  ];
}

/** ` (-62 %)`, against the original. */
function ratio(value: number, first: number): string {
  if (first === 0 || value === first) return '';
  const percent = Math.round((value / first - 1) * 100);
  return percent === 0 ? '' : ` (${percent > 0 ? '+' : ''}${percent} %)`;
}

/** The table, what was done, and what was not, for people. */
export function optimiseText(result: OptimiseResult, io: Io): string {
  const { bold, dim } = style(wantsColor(io.stdout, io.env));
  const [, ...kept] = result.steps;
  const parts = [`${table(figureRows(result.steps))}\n`];
  if (result.undecided !== undefined) {
    parts.push(
      `The probe cannot decide: ${visible(result.undecided)}.\nNothing is proven. Add --probe, --probe-url or --test.\n\n`,
    );
  } else if (kept.length === 0) parts.push('No rewrite is better and keeps the behaviour.\n\n');
  if (kept.length > 0) parts.push(`${bold('Proven')} ${dim('built, run, and compared with the original')}\n`);
  for (const { id, summary, check } of kept) {
    parts.push(`  ${id}: ${visible(summary)}\n`);
    if (check !== undefined) parts.push(dim(`    check: ${visible(check)}\n`));
  }
  if (kept.length > 0) parts.push('\n');
  if (result.rejected.length > 0) parts.push(`${bold('Not used')}\n`);
  for (const { id, summary, reasons } of result.rejected) {
    parts.push(`  ${id}: ${visible(summary)}\n`, ...reasons.map((reason) => dim(`    ${visible(reason)}\n`)));
  }
  return parts.join('');
}

/** The same as Markdown, with the patch. */
export function optimiseMarkdown(result: OptimiseResult, patch: string): string {
  const [, ...kept] = result.steps;
  const parts = [markdownTable(figureRows(result.steps))];
  if (result.undecided !== undefined) {
    parts.push(`\nThe probe cannot decide: ${markdownText(result.undecided)}. Nothing is proven.\n`);
  }
  if (kept.length > 0) parts.push('\nProven:\n\n');
  for (const { id, summary, check } of kept) {
    parts.push(
      `- ${id}: ${markdownText(summary)}${check === undefined ? '' : ` (check: ${markdownText(check)})`}\n`,
    );
  }
  if (result.rejected.length > 0) parts.push('\nNot used:\n\n');
  for (const { id, summary, reasons } of result.rejected) {
    parts.push(`- ${id}: ${markdownText(summary)}: ${markdownText(reasons.join('; '))}\n`);
  }
  if (patch !== '') parts.push(`\n${markdownCode(patch, 'diff')}`);
  return parts.join('');
}
