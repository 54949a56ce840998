import { stripVTControlCharacters } from 'node:util';
import { visible, withoutCredentials } from '../errors/safe-text.ts';
import type { CapturedText } from './probe-result.ts';

/** Bytes of a stream that are kept. */
const KEPT = 64 * 1024;

/** Keeps the last part of a stream of hostile bytes, as printable text without colours and credentials. */
export class CapturedOutput {
  #kept: Buffer[] = [];
  #size = 0;
  #dropped = 0;

  add(data: Uint8Array): void {
    this.#kept.push(Buffer.from(data));
    this.#size += data.length;
    // Joined now and then: a command that writes single bytes must not fill the memory with buffers.
    if (this.#size > 2 * KEPT || this.#kept.length > 4096) this.#shorten();
  }

  get(): CapturedText {
    this.#shorten();
    return { text: printable(Buffer.concat(this.#kept).toString()), dropped: this.#dropped };
  }

  #shorten(): void {
    const all = Buffer.concat(this.#kept);
    const kept = all.subarray(Math.max(0, all.length - KEPT));
    this.#dropped += all.length - kept.length;
    this.#kept = [Buffer.from(kept)];
    this.#size = kept.length;
  }
}

/** Text of a program that can be shown and kept. */
export function printable(text: string): string {
  return visible(withoutCredentials(stripVTControlCharacters(text.replaceAll('\r\n', '\n'))));
}
