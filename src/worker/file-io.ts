import { createHash, hash } from 'node:crypto';
import { readSync, writeSync } from 'node:fs';

const chunk = Buffer.allocUnsafe(1 << 20);

/** sha256 of an open file's content, from its beginning: 64 hex digits. */
export function hashFile(fd: number): string {
  let at = readSync(fd, chunk, 0, chunk.length, 0);
  if (at < chunk.length) {
    const rest = readSync(fd, chunk, at, chunk.length - at, at);
    if (rest === 0) return hash('sha256', chunk.subarray(0, at), 'hex');
    at += rest;
  }
  const sum = createHash('sha256').update(chunk.subarray(0, at));
  for (;;) {
    const count = readSync(fd, chunk, 0, chunk.length, at);
    if (count === 0) return sum.digest('hex');
    sum.update(chunk.subarray(0, count));
    at += count;
  }
}

/** Writes all bytes to an open file at its current position. */
export function writeAll(fd: number, data: Uint8Array): void {
  for (let at = 0; at < data.length; ) at += writeSync(fd, data, at);
}
