import { visibleLine } from '../errors/safe-text.ts';
import { displayWidth, truncate } from '../events/width.ts';

/**
 * The style of a piece of text, with colour and without. Terminals that show bold colours bright have a yellow and a cyan
 * that cannot be read on white: these are not bold, or have a background.
 */
const STYLES = {
  plain: ['', ''],
  bold: ['1', '1'],
  dim: ['2', ''],
  title: ['1', '1'],
  key: ['36', '1'],
  added: ['32', ''],
  changed: ['33', ''],
  removed: ['31', ''],
  warning: ['30;43', '1'],
  error: ['1;31', '1'],
  match: ['35', ''],
} as const;

export type StyleName = keyof typeof STYLES;

export interface Span {
  text: string;
  style?: StyleName;
}

/** A part of a row at a fixed column: its text cannot move its neighbours. */
export interface Segment {
  /** Columns from the left, the first one is 0. */
  column: number;
  width: number;
  spans: readonly Span[];
  /** The row of the cursor: bright if the pane has the focus. */
  selected?: 'active' | 'inactive';
}

export type Row = readonly Segment[];

const PRINTABLE = /^[\x20-\x7e]*$/;
/** A byte of a name that is not UTF-8: see layer/names.ts. */
const BYTE = /(?<![\ud800-\udbff])[\udc80-\udcff]/g;
const LONE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Untrusted text as one line without control characters, and without bytes that are not UTF-8. */
export function safe(text: string): string {
  if (PRINTABLE.test(text)) return text;
  return visibleLine(text)
    .replace(BYTE, (byte) => `\\x${(byte.charCodeAt(0) - 0xdc00).toString(16)}`)
    .replace(LONE, '\ufffd');
}

/** The same for an ASCII terminal: some would take other bytes for control characters. */
function safeAscii(text: string): string {
  return safe(text).replace(
    /[^\x20-\x7e]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}

/** A segment's spans, made safe, cut to its width, and filled up with spaces. */
function fitted({ spans, width }: Segment, { ellipsis, ascii }: Omit<ScreenOptions, 'color'>): Span[] {
  const fit: Span[] = [];
  let room = width;
  for (const { text, style } of spans) {
    const whole = ascii ? safeAscii(text) : safe(text);
    const shown = truncate(whole, room, ellipsis);
    if (shown !== '') fit.push({ text: shown, ...(style && { style }) });
    room -= displayWidth(shown);
    if (room <= 0 || shown !== whole) break;
  }
  if (room > 0) fit.push({ text: ' '.repeat(room) });
  return fit;
}

/** A row as plain text, for tests and captures. */
export function rowText(row: Row, options = { ascii: false, ellipsis: '…' }): string {
  let text = '';
  for (const segment of row) {
    text += ' '.repeat(Math.max(0, segment.column - displayWidth(text)));
    for (const span of fitted(segment, options)) text += span.text;
  }
  return text.trimEnd();
}

/** A row with control sequences that put each segment at its column. */
function rowCodes(row: Row, options: ScreenOptions): string {
  const { color } = options;
  let codes = '';
  for (const segment of row) {
    codes += `\x1b[${segment.column + 1}G`;
    const selected = segment.selected && (segment.selected === 'active' ? '7' : '2;7');
    for (const { text, style = 'plain' } of fitted(segment, options)) {
      // The row of the cursor is readable in all themes when it has no colours but the reversed ones.
      const on = selected ?? STYLES[style][color ? 0 : 1];
      codes += on === '' ? text : `\x1b[${on}m${text}\x1b[0m`;
    }
  }
  return codes;
}

export interface ScreenOptions {
  color: boolean;
  /** The terminal shows ASCII only. */
  ascii: boolean;
  ellipsis: string;
}

/** What a terminal shows, so that only the rows that differ are written. */
export class Screen {
  #rows: string[] = [];

  constructor(private readonly options: ScreenOptions) {}

  /** Forgets what is shown: the terminal was cleared, or has another size. */
  reset(): void {
    this.#rows = [];
  }

  /** The codes that turn what is shown into these rows; empty where nothing differs. */
  draw(rows: readonly Row[]): string {
    const all = this.#rows.length === 0;
    const next = rows.map((row) => rowCodes(row, this.options));
    let codes = all ? '\x1b[2J' : '';
    for (const [at, row] of next.entries()) {
      if (!all && this.#rows[at] === row) continue;
      codes += `\x1b[${at + 1};1H\x1b[2K${row}`;
    }
    this.#rows = next;
    // A synchronized update, which terminals without support ignore.
    return codes === '' ? '' : `\x1b[?2026h${codes}\x1b[?2026l`;
  }
}
