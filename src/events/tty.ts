import { type Style, style } from '../errors/style.ts';
import type { BuildEvent } from './event.ts';
import { frame } from './frame.ts';
import type { Glyphs } from './glyphs.ts';
import { BuildModel } from './model.ts';
import type { Output, Renderer } from './renderer.ts';
import { failureLines, resultLines, warningLines } from './report.ts';
import { displayWidth, printable } from './width.ts';

const FRAME_MS = 80;
const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';
const ERASE_LINE_END = '\x1b[K';
const ERASE_BELOW = '\x1b[J';

export interface TtyOptions {
  color: boolean;
  glyphs: Glyphs;
  /** Milliseconds since 1970. */
  now?: () => number;
}

/** The live view: drawn in place while the build runs, left as a report when it is over. */
export class TtyRenderer implements Renderer {
  readonly #output: Output;
  readonly #options: TtyOptions;
  readonly #model = new BuildModel();
  readonly #paint: Style;
  readonly #now: () => number;
  #timer: NodeJS.Timeout | undefined;
  /** The frame on the screen. */
  #drawn: string[] = [];
  #cursorHidden = false;
  #ended = false;
  readonly #showCursor = () => this.#output.write(SHOW_CURSOR);

  constructor(output: Output, options: TtyOptions) {
    this.#output = output;
    this.#options = options;
    this.#paint = style(options.color);
    this.#now = options.now ?? Date.now;
  }

  handle(event: BuildEvent): void {
    this.#model.apply(event);
    if (event.type === 'build.finished' || event.type === 'build.failed') this.end();
    else if (this.#timer === undefined && !this.#ended) {
      // A build that is over before the first frame is due never draws one.
      this.#timer = setInterval(() => this.draw(), FRAME_MS);
      this.#timer.unref();
    }
  }

  /** Draws the state of now over the last frame. */
  draw(): void {
    if (this.#ended) return;
    const columns = this.#output.columns || 80;
    const rows = Math.max(1, (this.#output.rows || 24) - 1);
    const lines = frame(this.#model, { ...this.#frameOptions(columns), rows });
    let text = this.#toTop(columns);
    if (!this.#cursorHidden) {
      this.#cursorHidden = true;
      process.once('exit', this.#showCursor);
      text += HIDE_CURSOR;
    }
    text += lines.map((line) => `${line}${ERASE_LINE_END}\n`).join('') + ERASE_BELOW;
    this.#drawn = lines;
    this.#output.write(text);
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#timer);
    const model = this.#model;
    const columns = this.#output.columns || 80;
    const lines = frame(model, this.#frameOptions(columns));
    for (const block of [
      failureLines(model, this.#paint),
      warningLines(model, this.#options.color),
      resultLines(model, this.#paint),
    ]) {
      if (block.length > 0) lines.push('', ...block);
    }
    if (model.failed !== undefined) lines.push('');
    let text = this.#toTop(columns) + ERASE_BELOW + lines.map((line) => `${line}\n`).join('');
    if (this.#cursorHidden) {
      process.off('exit', this.#showCursor);
      text += SHOW_CURSOR;
    }
    this.#drawn = [];
    this.#output.write(text);
  }

  #frameOptions(columns: number) {
    return { columns, now: this.#now(), paint: this.#paint, glyphs: this.#options.glyphs };
  }

  /** Moves to the first line of the drawn frame, which takes more rows when the terminal got narrower. */
  #toTop(columns: number): string {
    let height = 0;
    for (const line of this.#drawn) height += Math.max(1, Math.ceil(displayWidth(printable(line)) / columns));
    return height === 0 ? '' : `\x1b[${height}A\r`;
  }
}
