/**
 * File names are bytes in Linux, usually but not always UTF-8. In our strings, a byte that is not part of valid UTF-8 is
 * the lone surrogate U+DC00 + byte (as in Python's "surrogateescape"), so that every name survives the round trip from a
 * disk or tar into an index and back.
 */

import { isUtf8 } from 'node:buffer';

const LONE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
/** A surrogate pair, or a lone surrogate. */
const SURROGATES = /[\ud800-\udbff][\udc00-\udfff]|[\udc80-\udcff]/g;

/** Decodes a name: bytes → string. */
export function nameOfBytes(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  let text = '';
  let at = 0;
  while (at < bytes.length) {
    const length = sequenceLength(bytes[at]!);
    const part = bytes.subarray(at, at + length);
    if (length > 0 && part.length === length && isUtf8(part)) {
      text += part.toString('utf8');
      at += length;
    } else {
      text += String.fromCharCode(0xdc00 + bytes[at]!);
      at++;
    }
  }
  return text;
}

/** Encodes a name; the inverse of `nameOfBytes`. */
export function bytesOfName(name: string): Buffer {
  if (!LONE.test(name)) return Buffer.from(name);
  const parts: Buffer[] = [];
  let at = 0;
  for (const match of name.matchAll(SURROGATES)) {
    if (match[0].length === 2) continue;
    parts.push(Buffer.from(name.slice(at, match.index)), Buffer.of(match[0].charCodeAt(0) - 0xdc00));
    at = match.index + 1;
  }
  parts.push(Buffer.from(name.slice(at)));
  return Buffer.concat(parts);
}

/** A path for Node's file functions: a string, or bytes if it is not UTF-8. */
export function diskPath(path: string): string | Buffer {
  return LONE.test(path) ? bytesOfName(path) : path;
}

function sequenceLength(first: number): number {
  return first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
}
