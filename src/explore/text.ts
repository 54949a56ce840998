import { plural, size } from '../events/units.ts';
import { type Instruction, locationText } from '../inspect/instructions.ts';
import type { Entry } from '../layer/entry.ts';
import type { Span, StyleName } from './screen.ts';

/** Signs of the explorer that are not ASCII, and their substitutes on an ASCII terminal. */
export const SIGNS = {
  unicode: {
    open: '▾',
    closed: '▸',
    rule: '─',
    bar: '│',
    mark: '┃',
    from: '←',
    dot: '·',
    to: '→',
    full: '█',
    ellipsis: '…',
  },
  ascii: {
    open: 'v',
    closed: '>',
    rule: '-',
    bar: '|',
    mark: '|',
    from: '<-',
    dot: '-',
    to: '->',
    full: '#',
    ellipsis: '~',
  },
};
export type Signs = (typeof SIGNS)['unicode'];

const TYPES: Record<Entry['type'], string> = {
  file: '-',
  hardlink: '-',
  directory: 'd',
  symlink: 'l',
  char: 'c',
  block: 'b',
  fifo: 'p',
  whiteout: '-',
};

/** `drwxr-xr-t`, as `ls -l` writes it. */
export function modeText({ type, mode }: Pick<Entry, 'type' | 'mode'>): string {
  const bits = [6, 3, 0].map((shift) => {
    const special = (mode >> 9) & (shift === 6 ? 4 : shift === 3 ? 2 : 1);
    const executes = (mode >> shift) & 1;
    const letter = shift === 0 ? 't' : 's';
    const last = special ? (executes ? letter : letter.toUpperCase()) : executes ? 'x' : '-';
    return `${(mode >> shift) & 4 ? 'r' : '-'}${(mode >> shift) & 2 ? 'w' : '-'}${last}`;
  });
  return TYPES[type] + bits.join('');
}

/** Where a link leads, as it is shown: a hard link to a path of the image, a symlink as it is written. */
export function linkOf({ type, link }: Pick<Entry, 'type' | 'link'>): string | undefined {
  return link === undefined ? undefined : type === 'hardlink' ? `/${link}` : link;
}

/** Bytes in a column of seven. */
export function sizeColumn(bytes: number): string {
  return size(bytes).padStart(7);
}

/** `12MB in 3 files`. */
export function amount(bytes: number, files: number): string {
  return `${size(bytes)} in ${plural(files, 'file')}`;
}

/** `2024-05-01 12:00`, in UTC. */
export function timeText(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? '-' : date.toISOString().slice(0, 16).replace('T', ' ');
}

/** Where an instruction stands: `Dockerfile:12`; empty where that is not known. */
export function placeOf({ location }: Instruction): string {
  return location === undefined ? '' : locationText(location);
}

/** An instruction's text on one line; a placeholder if the history has none. */
export function textOf({ text }: Instruction): string {
  return text === '' ? '(the history does not say)' : text.replace(/\s+/g, ' ');
}

export function span(text: string, style?: StyleName): Span {
  return style === undefined ? { text } : { text, style };
}
