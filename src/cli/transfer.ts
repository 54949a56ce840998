import { style, wantsColor } from '../errors/style.ts';
import { size } from '../events/format.ts';
import { glyphsFor } from '../events/glyphs.ts';
import { truncate } from '../events/width.ts';
import type { OnProgress, TransferProgress } from '../registry/progress.ts';
import type { Io } from './command.ts';
import { shortId } from './format.ts';

const FRAME_MS = 100;
const BAR_WIDTH = 24;
const ERASE_LINE = '\x1b[2K';

/** What the states are called, by the direction. */
const WORDS = {
  pull: { waiting: 'waiting', moving: '', done: 'downloaded', present: 'already here', mounted: '' },
  push: { waiting: 'waiting', moving: '', done: 'pushed', present: 'already there', mounted: 'mounted' },
};

/**
 * Shows on stderr how the blobs of a pull or push get on: in place, with bars, on a terminal; else one line
 * for each when it is over.
 */
export class TransferView {
  readonly #blobs = new Map<string, TransferProgress>();
  readonly #live: boolean;
  #timer: NodeJS.Timeout | undefined;
  #drawn = 0;
  #ended = false;

  constructor(
    private readonly io: Io,
    private readonly direction: 'pull' | 'push',
  ) {
    this.#live = io.stderr.isTTY === true && io.env['TERM'] !== 'dumb';
  }

  readonly onProgress: OnProgress = (progress) => {
    const before = this.#blobs.get(progress.digest)?.state;
    this.#blobs.set(progress.digest, progress);
    if (this.#live) {
      this.#timer ??= setInterval(() => this.#draw(), FRAME_MS);
    } else if (isOver(progress) && before !== progress.state) {
      const { digest, state } = progress;
      this.io.stderr.write(`${shortId(digest)}: ${WORDS[this.direction][state]} (${size(progress.size)})\n`);
    }
  };

  /** Leaves the last state on the screen. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#timer);
    if (this.#live && this.#blobs.size > 0) this.#draw();
  }

  #draw(): void {
    const rows = ((this.io.stderr as { rows?: number }).rows || 24) - 1;
    const all = [...this.#blobs.values()];
    // What is over goes first where the terminal is too low for all.
    const shown = all.length <= rows ? all : all.filter((blob) => !isOver(blob)).slice(0, rows);
    const up = this.#drawn > 0 ? `\x1b[${this.#drawn}A\r` : '';
    const gone = Math.max(0, this.#drawn - shown.length);
    const clear = gone > 0 ? `${`${ERASE_LINE}\n`.repeat(gone)}\x1b[${gone}A` : '';
    this.io.stderr.write(up + shown.map((blob) => `${ERASE_LINE}${this.#line(blob)}\n`).join('') + clear);
    this.#drawn = shown.length;
  }

  #line(blob: TransferProgress): string {
    const paint = style(wantsColor(this.io.stderr, this.io.env));
    const glyphs = glyphsFor(this.io.env);
    const columns = this.io.stderr.columns || 80;
    if (blob.state !== 'moving') {
      const sign = isOver(blob) ? paint.green(glyphs.done) : paint.dim(glyphs.waiting);
      const text = `${shortId(blob.digest)}  ${size(blob.size).padStart(7)}  ${WORDS[this.direction][blob.state]}`;
      return `  ${sign} ${truncate(text, columns - 5, glyphs.ellipsis)}`;
    }
    const filled = blob.size === 0 ? BAR_WIDTH : Math.floor((blob.moved / blob.size) * BAR_WIDTH);
    const bar = `[${'='.repeat(filled).padEnd(BAR_WIDTH)}]`;
    const text = `${shortId(blob.digest)}  ${size(blob.size).padStart(7)}  ${bar} ${size(blob.moved)}`;
    return `  ${paint.cyan(glyphs.spinner[Math.floor(Date.now() / FRAME_MS) % glyphs.spinner.length]!)} ${truncate(text, columns - 5, glyphs.ellipsis)}`;
  }
}

function isOver({ state }: TransferProgress): boolean {
  return state === 'done' || state === 'present' || state === 'mounted';
}
