import { createHash } from 'node:crypto';

/** A UUID (version 8) of a text: the same text gives the same UUID. */
export function uuidOf(text: string): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** A unique SPDX id: letters, digits, dots and hyphens only. */
export function spdxId(prefix: string, text: string): string {
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 16);
  return `${prefix}-${text.replace(/[^A-Za-z0-9.]+/g, '-').slice(0, 60)}-${hash}`;
}
