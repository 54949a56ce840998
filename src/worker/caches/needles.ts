/** Searches for many byte strings in one pass over the data. */
export class Needles<Label> {
  /** By their first two bytes, as a number. */
  readonly #byStart = new Map<number, { label: Label; value: Buffer }[]>();
  readonly #starts = new Uint8Array(0x10000);
  /** Length of the longest one. */
  readonly longest: number;

  /** @param values of two bytes or more */
  constructor(values: readonly (readonly [Label, Uint8Array])[]) {
    let longest = 0;
    for (const [label, bytes] of values) {
      const value = Buffer.from(bytes);
      longest = Math.max(longest, value.length);
      const start = (value[0]! << 8) | value[1]!;
      this.#starts[start] = 1;
      const others = this.#byStart.get(start);
      if (others === undefined) this.#byStart.set(start, [{ label, value }]);
      else others.push({ label, value });
    }
    this.longest = longest;
  }

  /** The label of the first one found; undefined when there is none. */
  find(data: Uint8Array): Label | undefined {
    if (this.longest === 0) return undefined;
    const starts = this.#starts;
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    let start = bytes[0] ?? 0;
    for (let at = 1; at < bytes.length; at++) {
      start = ((start << 8) & 0xff00) | bytes[at]!;
      if (starts[start] === 0) continue;
      for (const { label, value } of this.#byStart.get(start)!) {
        const from = at - 1;
        if (
          from + value.length <= bytes.length &&
          bytes.compare(value, 0, value.length, from, from + value.length) === 0
        ) {
          return label;
        }
      }
    }
    return undefined;
  }
}
