import { visibleJson } from '../errors/safe-text.ts';

/** Texts of a list that are put together before they are passed on. */
const PIECE = 1 << 13;
/** Lists deeper than this are short: a report has its files' columns here. */
const DEPTH = 4;

/**
 * The same text as `JSON.stringify(value, undefined, indent)`, in pieces: a list of every file of an image is larger as
 * text than all that is known of it. Objects that iterate, such as generators, are lists.
 *
 * @param indent blanks per level; default: one line
 */
export function* jsonPieces(value: unknown, indent = 0): Generator<string> {
  let text = '';
  for (const part of parts(value, indent, 0)) {
    text += part;
    if (text.length < PIECE) continue;
    yield text;
    text = '';
  }
  yield text;
}

/** What `--json` prints of a value. */
export function* jsonDocument(value: unknown): Generator<Buffer> {
  // A piece never ends inside a string.
  for (const piece of jsonPieces(value, 2)) yield Buffer.from(visibleJson(piece));
  yield Buffer.from('\n');
}

function* parts(value: unknown, indent: number, depth: number): Generator<string> {
  const isList = typeof value === 'object' && value !== null && Symbol.iterator in value;
  if (depth > DEPTH || typeof value !== 'object' || value === null || 'toJSON' in value) {
    yield whole(value, indent, depth);
    return;
  }
  const line = indent === 0 ? '' : `\n${' '.repeat(indent * (depth + 1))}`;
  let isEmpty = true;
  if (isList) {
    for (const one of value as Iterable<unknown>) {
      yield isEmpty ? `[${line}` : `,${line}`;
      isEmpty = false;
      if (typeof one === 'object') yield* parts(one ?? null, indent, depth + 1);
      else yield JSON.stringify(one) ?? 'null';
    }
  } else {
    for (const [key, member] of Object.entries(value)) {
      if (member === undefined || typeof member === 'function') continue;
      yield `${isEmpty ? '{' : ','}${line}${JSON.stringify(key)}:${indent === 0 ? '' : ' '}`;
      isEmpty = false;
      yield* parts(member, indent, depth + 1);
    }
  }
  const [open, close] = isList ? '[]' : '{}';
  yield isEmpty ? `${open}${close}` : `${line.slice(0, line.length - indent)}${close}`;
}

/** A small value at once, its lines indented as far as it is deep. */
function whole(value: unknown, indent: number, depth: number): string {
  const text = JSON.stringify(value, undefined, indent) ?? 'null';
  return depth === 0 ? text : text.replaceAll('\n', `\n${' '.repeat(indent * depth)}`);
}
