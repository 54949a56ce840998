import { displayWidth, printable, truncate } from '../../events/width.ts';
import type { Digest } from '../../image/digest.ts';

/** How long ago, in Docker's words: `5 seconds ago`, `About an hour ago`, `3 weeks ago`; `N/A` without a time. */
export function age(created: string | undefined, now: number = Date.now()): string {
  const words = duration(created, now);
  return words === 'N/A' ? words : `${words} ago`;
}

/** How long since a time: as `age`, without the `ago`. */
export function duration(since: string | undefined, now: number = Date.now()): string {
  const at = since === undefined ? Number.NaN : Date.parse(since);
  if (Number.isNaN(at)) return 'N/A';
  const seconds = Math.max(0, Math.floor((now - at) / 1000));
  const hours = Math.round(seconds / 3600);
  return seconds < 1
    ? 'Less than a second'
    : seconds < 60
      ? count(seconds, 'second')
      : seconds < 120
        ? 'About a minute'
        : seconds < 3600
          ? count(Math.floor(seconds / 60), 'minute')
          : hours === 1
            ? 'About an hour'
            : hours < 48
              ? count(hours, 'hour')
              : hours < 24 * 14
                ? count(Math.floor(hours / 24), 'day')
                : hours < 24 * 60
                  ? count(Math.floor(hours / (24 * 7)), 'week')
                  : hours < 24 * 365 * 2
                    ? count(Math.floor(hours / (24 * 30)), 'month')
                    : count(Math.floor(hours / (24 * 365)), 'year');
}

function count(number: number, unit: string): string {
  return `${number} ${unit}${number === 1 ? '' : 's'}`;
}

/** The first 12 hexadecimal digits, as Docker abbreviates ids. */
export function shortId(digest: Digest): string {
  return digest.slice('sha256:'.length, 'sha256:'.length + 12);
}

/** Untrusted text (history, labels) on one line, with control characters made visible. */
export function oneLine(text: string): string {
  return printable(text.replace(/\s+/g, ' ').trim());
}

export interface TableOptions {
  /** Width of the terminal; undefined (in a pipe): nothing is shortened. */
  columns?: number | undefined;
  /** Indexes of the columns that may be shortened to fit; the widest is shortened first. */
  shrink?: number[];
}

const GAP = '   ';
const LEAST = 8;

/**
 * Formats rows in columns as Docker does: padded with blanks, three between columns. The first row is the head.
 */
export function table(rows: string[][], options: TableOptions = {}): string {
  const cells = rows.map((row) => row.map(oneLine));
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => displayWidth(row[column]!))));
  narrow(widths, options);
  return cells
    .map((row) => row.map((cell, column) => pad(truncate(cell, widths[column]!), widths[column]!)).join(GAP))
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}

/** Shortens columns until they fit, always the widest one. */
function narrow(widths: number[], { columns = Number.POSITIVE_INFINITY, shrink = [] }: TableOptions): void {
  let excess = widths.reduce((sum, width) => sum + width, GAP.length * (widths.length - 1)) - columns;
  while (excess > 0) {
    const [widest, next] = [...shrink].sort((a, b) => widths[b]! - widths[a]!);
    if (widest === undefined || widths[widest]! <= LEAST) return;
    const least = Math.max(LEAST, Math.min(widths[widest]! - 1, next === undefined ? LEAST : widths[next]!));
    const taken = Math.min(excess, widths[widest]! - least);
    widths[widest]! -= taken;
    excess -= taken;
  }
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(width - displayWidth(text));
}
