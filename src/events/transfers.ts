import type { TransferProgress } from './transfer.ts';
import { plural, seconds, size } from './units.ts';

/** The rate covers the last 3 seconds, so that a stalled transfer is visible. */
const RATE_MS = 3000;

/** All transfers of one step or export: their sum, rate and state. */
export class Transfers {
  readonly #direction: 'in' | 'out';
  readonly #items = new Map<string, TransferProgress>();
  /** Bytes so far, by time. */
  #samples: { at: number; moved: number }[] = [];
  #moved = 0;
  /** When bytes first and last moved. */
  #first = 0;
  #last = 0;

  constructor(direction: 'in' | 'out') {
    this.#direction = direction;
  }

  apply(at: number, progress: TransferProgress): void {
    const { item, state } = progress;
    const before = this.#items.get(item);
    this.#items.set(item, progress);
    if (state === 'present' || state === 'mounted') return;
    // Unpacked without having been transferred: it was here already.
    const isNew = before !== undefined || state === 'moving' || state === 'waiting';
    const fresh = isNew ? progress.moved - (before?.moved ?? 0) : 0;
    if (state === 'moving' || fresh !== 0) {
      if (this.#first === 0) this.#first = at;
      this.#last = at;
    }
    this.#moved += fresh;
    const recent = this.#samples.findIndex((sample) => sample.at >= at - RATE_MS);
    if (recent > 0) this.#samples.splice(0, recent);
    this.#samples.push({ at, moved: this.#moved });
  }

  /** Bytes transferred. */
  get moved(): number {
    return this.#moved;
  }

  /** The present state in one line: `12.4MB / 45.2MB  3.1MB/s  2/5 done`, `unpacking 3 of 5 (45.2MB)`. */
  now(at: number): string {
    const all = this.#all();
    const unpacking = all.filter(({ state }) => state === 'unpacking').length;
    const open = all.filter(({ state }) => state === 'moving' || state === 'waiting').length;
    const total = this.#total(all);
    if (open === 0) {
      if (unpacking === 0) return '';
      const which = all.length === 1 ? '' : ` ${unpacking} of ${all.length} layers`;
      return `unpacking${which}${total === undefined ? '' : ` (${size(total)})`}`;
    }
    const parts = [total === undefined ? size(this.#moved) : `${size(this.#moved)} / ${size(total)}`];
    parts.push(`${size(this.#rate(at))}/s`);
    if (all.length > 1) {
      parts.push(`${all.length - open - unpacking}/${all.length} done`);
      if (unpacking > 0) parts.push(`${unpacking} unpacking`);
    }
    return parts.join('  ');
  }

  /** The result: `fetched 45.2MB in 12.1s (3.7MB/s)`; undefined if nothing was transferred. */
  summary(): string | undefined {
    const all = [...this.#items.values()];
    const verb = this.#direction === 'in' ? 'fetched' : 'sent';
    const there = all.filter(({ state }) => state === 'present' || state === 'mounted').length;
    const had = there === 0 ? '' : `${plural(there, 'blob')} of ${all.length} already there`;
    if (this.#moved === 0) return had === '' ? undefined : had;
    const ms = Math.max(1, this.#last - this.#first);
    const rate = ms < 100 ? '' : ` (${size((this.#moved * 1000) / ms)}/s)`;
    return `${verb} ${size(this.#moved)} in ${seconds(ms)}${rate}${had === '' ? '' : `, ${had}`}`;
  }

  #all(): TransferProgress[] {
    return [...this.#items.values()].filter(({ state }) => state !== 'present' && state !== 'mounted');
  }

  #total(all: TransferProgress[]): number | undefined {
    let total = 0;
    for (const progress of all) {
      if (progress.size === undefined) return undefined;
      total += progress.size;
    }
    return total;
  }

  /** Bytes a second. */
  #rate(at: number): number {
    const from = this.#samples.find((sample) => sample.at >= at - RATE_MS);
    if (from === undefined) return 0;
    return ((this.#moved - from.moved) * 1000) / Math.max(500, at - from.at);
  }
}
