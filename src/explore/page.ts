import { size } from '../events/units.ts';
import { displayWidth } from '../events/width.ts';
import { type Span, safe } from './screen.ts';
import { span } from './text.ts';

/** Lines of a page, each made when it is shown. */
export interface Lines {
  readonly length: number;
  at(line: number): readonly Span[] | undefined;
}

/** A text that covers the panes; its lines are broken at a width. */
export interface Page {
  readonly title: string;
  lines(width: number): Lines;
}

/** Bytes of a file that are shown at most. */
export const SHOWN_BYTES = 1 << 20;
const LOOKED_AT = 8192;
const TAB = 8;

/** A file's content as text, or as bytes. */
export class FilePage implements Page {
  readonly title: string;
  #hex: boolean;
  #text: { width: number; lines: Lines } | undefined;

  /**
   * @param bytes the beginning of the file, at most `SHOWN_BYTES`
   * @param whole its size
   */
  constructor(
    path: string,
    private readonly bytes: Buffer,
    whole: number,
  ) {
    const part = bytes.length < whole ? `, the first ${size(bytes.length)}` : '';
    this.title = `/${path}  ${size(whole)}${part}`;
    this.#hex = bytes.subarray(0, LOOKED_AT).includes(0);
  }

  get isHex(): boolean {
    return this.#hex;
  }

  toggleHex(): void {
    this.#hex = !this.#hex;
  }

  lines(width: number): Lines {
    if (this.#hex) return hexLines(this.bytes, width);
    if (this.#text?.width !== width) {
      this.#text = { width, lines: textLines(this.bytes.toString('utf8'), width) };
    }
    return this.#text.lines;
  }
}

/** Lines as they are, those that are too long broken at the width. */
export function textLines(text: string, width: number): Lines {
  const lines = text.replace(/\r?\n$/, '').split(/\r?\n/);
  const parts = lines.flatMap((line) => broken(safe(expanded(line)), width));
  return {
    length: parts.length,
    at: (line) => (parts[line] === undefined ? undefined : [span(parts[line])]),
  };
}

function expanded(line: string): string {
  if (!line.includes('\t')) return line;
  let out = '';
  for (const part of line.split(/(\t)/)) out += part === '\t' ? ' '.repeat(TAB - (out.length % TAB)) : part;
  return out;
}

/** A safe text in pieces that each fit into the width. */
export function broken(line: string, width: number): string[] {
  if (line.length <= width && displayWidth(line) <= width) return [line];
  const parts: string[] = [];
  if (/^[\x20-\x7e]*$/.test(line)) {
    for (let at = 0; at < line.length; at += width) parts.push(line.slice(at, at + width));
    return parts;
  }
  let part = '';
  let columns = 0;
  for (const character of line) {
    const takes = displayWidth(character);
    if (columns + takes > width && part !== '') {
      parts.push(part);
      part = '';
      columns = 0;
    }
    part += character;
    columns += takes;
  }
  return [...parts, part];
}

/** `00000010  7f 45 4c 46 …  .ELF`: as many bytes a row as fit, in eights. */
function hexLines(bytes: Buffer, width: number): Lines {
  const perRow = Math.max(8, Math.min(32, Math.floor((width - 12) / 4 / 8) * 8));
  const wide = perRow * 3 + perRow / 8 - 1;
  return {
    length: Math.max(1, Math.ceil(bytes.length / perRow)),
    at(line) {
      if (bytes.length === 0) return line === 0 ? [span('(empty)', 'dim')] : undefined;
      const start = line * perRow;
      if (start >= bytes.length) return undefined;
      const row = bytes.subarray(start, start + perRow);
      const hex = row
        .toString('hex')
        .replace(/../g, '$& ')
        .replace(/(?:.. ){8}(?=.)/g, '$& ');
      const text = row.toString('latin1').replace(/[^\x20-\x7e]/g, '.');
      return [
        span(start.toString(16).padStart(8, '0'), 'dim'),
        span(`  ${hex.padEnd(wide)} `),
        span(text, 'key'),
      ];
    },
  };
}
