import { style, wantsColor } from '../../errors/style.ts';
import { unguarded } from '../../errors/terminal-guard.ts';
import { glyphsFor } from '../../events/glyphs.ts';
import type { OnProgress, TransferProgress } from '../../events/transfer.ts';
import { Transfers } from '../../events/transfers.ts';
import { size } from '../../events/units.ts';
import { truncate } from '../../events/width.ts';
import type { Digest } from '../../image/digest.ts';
import type { Io } from '../command.ts';
import { shortId } from './docker-units.ts';

const FRAME_MS = 100;
const BAR_WIDTH = 24;
const ERASE_LINE = '\x1b[2K';

/** Words for the states, by direction. */
const WORDS = {
  pull: {
    waiting: 'waiting',
    moving: '',
    unpacking: 'unpacking',
    done: 'downloaded',
    present: 'already here',
    mounted: '',
  },
  push: {
    waiting: 'waiting',
    moving: '',
    unpacking: '',
    done: 'pushed',
    present: 'already there',
    mounted: 'mounted',
  },
  read: {
    waiting: 'waiting',
    moving: '',
    unpacking: '',
    done: 'read',
    present: 'known',
    mounted: '',
  },
};

/**
 * Shows the progress of a pull or push on standard error: on a terminal in place, with bars; elsewhere one line per
 * finished blob.
 */
export class TransferView {
  readonly #io: Io;
  readonly #direction: 'pull' | 'push' | 'read';
  readonly #blobs = new Map<string, TransferProgress>();
  readonly #live: boolean;
  readonly #sum: Transfers;
  #timer: NodeJS.Timeout | undefined;
  #drawn = 0;
  #ended = false;

  constructor(io: Io, direction: 'pull' | 'push' | 'read') {
    this.#io = io;
    this.#direction = direction;
    this.#sum = new Transfers(direction === 'push' ? 'out' : 'in');
    this.#live = io.stderr.isTTY === true && io.env['TERM'] !== 'dumb';
  }

  readonly onProgress: OnProgress = (progress) => {
    const before = this.#blobs.get(progress.item)?.state;
    this.#blobs.set(progress.item, progress);
    this.#sum.apply(Date.now(), progress);
    if (this.#live) {
      this.#timer ??= setInterval(() => this.#draw(), FRAME_MS);
    } else if (isOver(progress) && before !== progress.state) {
      const { item, state, moved } = progress;
      this.#io.stderr.write(
        `${shortId(item as Digest)}: ${WORDS[this.#direction][state]} (${size(moved)})\n`,
      );
    }
  };

  /** Ends the view: leaves the last state of transfers on the screen. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#timer);
    if (this.#direction === 'read') {
      if (this.#drawn > 0) unguarded(this.#io.stderr).write(`\x1b[${this.#drawn}A\r\x1b[J`);
      return;
    }
    if (this.#live && this.#blobs.size > 0) this.#draw();
    const summary = this.#blobs.size > 1 ? this.#sum.summary() : undefined;
    if (this.#live && summary !== undefined) this.#io.stderr.write(`${summary}\n`);
  }

  #draw(): void {
    const sum = this.#ended ? '' : this.#sum.now(Date.now());
    const rows = ((this.#io.stderr as { rows?: number }).rows || 24) - (sum === '' ? 1 : 2);
    const all = [...this.#blobs.values()];
    // If the terminal is too low for all, finished blobs are hidden first.
    const shown = all.length <= rows ? all : all.filter((blob) => !isOver(blob)).slice(0, rows);
    const lines = shown.map((blob) => this.#line(blob));
    if (sum !== '') lines.push(`  ${truncate(sum, (this.#io.stderr.columns || 80) - 3)}`);
    const up = this.#drawn > 0 ? `\x1b[${this.#drawn}A\r` : '';
    const gone = Math.max(0, this.#drawn - lines.length);
    const clear = gone > 0 ? `${`${ERASE_LINE}\n`.repeat(gone)}\x1b[${gone}A` : '';
    unguarded(this.#io.stderr).write(up + lines.map((line) => `${ERASE_LINE}${line}\n`).join('') + clear);
    this.#drawn = lines.length;
  }

  #line(blob: TransferProgress): string {
    const paint = style(wantsColor(this.#io.stderr, this.#io.env));
    const glyphs = glyphsFor(this.#io.env);
    const columns = this.#io.stderr.columns || 80;
    const total = blob.size ?? blob.moved;
    const name = `${shortId(blob.item as Digest)}  ${size(total).padStart(7)}`;
    if (blob.state !== 'moving') {
      const sign = isOver(blob) ? paint.green(glyphs.done) : paint.dim(glyphs.waiting);
      const text = `${name}  ${WORDS[this.#direction][blob.state]}`;
      return `  ${sign} ${truncate(text, columns - 5, glyphs.ellipsis)}`;
    }
    const filled = total === 0 ? BAR_WIDTH : Math.floor((blob.moved / total) * BAR_WIDTH);
    const bar = `[${'='.repeat(filled).padEnd(BAR_WIDTH)}]`;
    const text = `${name}  ${bar} ${size(blob.moved)}`;
    return `  ${paint.cyan(glyphs.spinner[Math.floor(Date.now() / FRAME_MS) % glyphs.spinner.length]!)} ${truncate(text, columns - 5, glyphs.ellipsis)}`;
  }
}

function isOver({ state }: TransferProgress): boolean {
  return state === 'done' || state === 'present' || state === 'mounted';
}
