import { type Style, style } from '../errors/style.ts';
import { unguarded } from '../errors/terminal-guard.ts';
import { isFirst } from './cause.ts';
import type { BuildEvent } from './event.ts';
import { BuildModel, type StepState, stepName } from './model.ts';
import type { Output, Renderer } from './renderer.ts';
import { failureLines, resultLines, warningLines } from './report.ts';
import { seconds, size } from './units.ts';
import { printable, printableInColor } from './width.ts';

/** A step that keeps saying what it does gets a line at most this often. */
const PROGRESS_EVERY_MS = 1000;

/** Shorter times round to nothing. */
const SHOWN_MS = 50;

/** A step's lines come under its name again when that stands further up than this many lines. */
const NAME_EVERY_LINES = 25;

/** Lines that only ever go forward, numbered by step as BuildKit's are: for logs and pipes. */
export class PlainRenderer implements Renderer {
  protected readonly output: Output;
  readonly #options: { color: boolean };
  protected readonly model = new BuildModel();
  readonly #numbers = new Map<string, number>();
  readonly #progressAt = new Map<string, number>();
  protected readonly paint: Style;
  readonly #movedSaid = new Map<string, string>();
  #running: StepState[] = [];
  /** On which line each step's name was last written. */
  readonly #namedAt = new Map<string, number>();
  #written = 0;
  /** The step of the last line. */
  #last = '';
  /** A step has begun or ended with the last line: a blank one comes before those of another. */
  #gap = true;

  constructor(output: Output, options: { color: boolean }) {
    this.output = output;
    this.#options = options;
    this.paint = style(options.color);
  }

  handle(event: BuildEvent): void {
    if (event.type === 'build.failed') this.#running = runningSteps(this.model);
    const lines = this.model.apply(event);
    switch (event.type) {
      case 'build.started': {
        const target = event.target === undefined ? '' : `, target ${event.target}`;
        this.write([printable(`#0 building ${event.dockerfile}${target}`)]);
        break;
      }
      case 'step.started':
        this.lines(event.step, []);
        break;
      case 'step.explained':
        if (!isFirst(event.why)) {
          this.lines(event.step, [this.paint.dim(printable(explanation(event, this.model)))]);
        }
        break;
      case 'step.progress': {
        const last = this.#progressAt.get(event.step) ?? Number.NEGATIVE_INFINITY;
        if (event.time - last < PROGRESS_EVERY_MS) break;
        this.#progressAt.set(event.step, event.time);
        this.lines(event.step, [printable(event.text)]);
        break;
      }
      case 'image.resolving':
        this.write([`#0 resolving ${printable(event.image)}`]);
        break;
      case 'transfer': {
        const owner = this.model.owner(event.of);
        const text = owner?.transfers?.now(event.time) ?? '';
        const id = this.model.steps.has(event.of) ? event.of : exportId(event.of);
        if (owner === undefined || text === '') break;
        // A long one need not fill the log.
        const pause = Math.max(PROGRESS_EVERY_MS, (event.time - owner.startedAt) / 10);
        if (event.time - (this.#progressAt.get(id) ?? owner.startedAt) < pause) break;
        this.#progressAt.set(id, event.time);
        this.lines(id, [text]);
        break;
      }
      case 'step.output':
        this.#showOutput(event.step, event.time, lines);
        break;
      case 'step.finished':
        this.#showOutput(event.step, event.time, lines);
        this.#told(event.step, event.step);
        this.conclude(event.step, outcome(this.model.step(event.step), this.paint));
        this.#progressAt.delete(event.step);
        break;
      case 'export.started':
        this.lines(exportId(event.what), []);
        break;
      case 'export.layer': {
        if (event.reused) break;
        const what = this.model.exports.findLast((one) => one.durationMs === undefined)?.what ?? 'layers';
        this.lines(exportId(what), [`${event.diffId} ${size(event.size)} ${seconds(event.durationMs)}`]);
        break;
      }
      case 'export.finished':
        this.#told(event.what, exportId(event.what));
        this.conclude(exportId(event.what), `DONE ${seconds(event.durationMs)}`);
        break;
      case 'build.finished':
      case 'build.failed':
        if (event.type === 'build.failed') this.#cancelled();
        for (const block of [
          failureLines(this.model, this.paint),
          this.warnings(),
          resultLines(this.model, this.paint),
        ]) {
          if (block.length > 0) this.write(['', ...block]);
        }
        if (event.type === 'build.failed') this.write(['']);
        break;
    }
  }

  end(): void {}

  #showOutput(step: string, time: number, lines: string[]): void {
    if (lines.length === 0) return;
    const elapsed = ((time - this.model.step(step).startedAt) / 1000).toFixed(3);
    this.lines(
      step,
      lines.map((line) => `${elapsed} ${this.#printed(line)}`.trimEnd()),
      unguarded(this.output),
    );
  }

  /** A line that a command printed: as it is in logs, with nothing but its colours on a terminal. */
  #printed(line: string): string {
    if (this.output.isTTY !== true) return line;
    return this.#options.color ? printableInColor(line) : printable(line);
  }

  /** The total of each transfer of a step or an export. */
  #told(owner: string, id: string): void {
    const text = this.model.owner(owner)?.transfers?.summary();
    if (text === undefined || this.#movedSaid.get(id) === text) return;
    this.#movedSaid.set(id, text);
    this.lines(id, [text]);
  }

  /** Steps that the failure of another one has ended without a word. */
  #cancelled(): void {
    for (const step of this.#running) this.conclude(step.info.id, outcome(step, this.paint));
  }

  /** The last line of a step or an export. */
  protected conclude(id: string, line: string): void {
    this.lines(id, [line]);
    this.#gap = true;
  }

  /** The warnings of the build, for its end. */
  protected warnings(): string[] {
    return warningLines(this.model, this.#options.color);
  }

  /** The number of a step or an export, in the order in which they begin. */
  protected numberOf(id: string): number {
    let number = this.#numbers.get(id);
    if (number === undefined) {
      number = this.#numbers.size + 1;
      this.#numbers.set(id, number);
    }
    return number;
  }

  /** Lines of one step (or export), under its name unless that stands not far above. */
  protected lines(id: string, lines: string[], output = this.output): void {
    const prefix = `#${this.numberOf(id)} `;
    const namedAt = this.#namedAt.get(id);
    const named = namedAt === undefined || this.#written - namedAt > NAME_EVERY_LINES;
    if (named) {
      this.write(['', prefix + this.nameOf(id)]);
      this.#namedAt.set(id, this.#written);
    } else if (this.#gap && lines.length > 0 && this.#last !== id) this.write(['']);
    this.#gap = named && lines.length === 0;
    this.#last = id;
    this.write(
      lines.map((line) => prefix + line),
      output,
    );
  }

  protected nameOf(id: string): string {
    if (!id.startsWith(EXPORT)) return stepName(this.model.step(id).info);
    const what = id.slice(EXPORT.length);
    const { isImport = false } = this.model.exports.findLast((one) => one.what === what) ?? {};
    return printable(`${isImport ? 'importing' : 'exporting'} ${what}`);
  }

  protected write(lines: string[], output = this.output): void {
    if (lines.length === 0) return;
    this.#written += lines.length;
    output.write(`${lines.join('\n')}\n`);
  }
}

const EXPORT = 'export ';

function exportId(what: string): string {
  return EXPORT + what;
}

/** Why a step is carried out, or where it follows from. */
function explanation(
  { text, why, elsewhere }: Extract<BuildEvent, { type: 'step.explained' }>,
  model: BuildModel,
): string {
  const { follows } = why;
  const reason =
    follows === undefined ? `because ${text}` : `follows from ${stepName(model.step(follows).info)}`;
  return elsewhere ? `from another machine, ${reason}` : reason;
}

function runningSteps(model: BuildModel): StepState[] {
  return [...model.steps.values()].filter(({ state }) => state === 'running');
}

function outcome(step: StepState, paint: Style): string {
  switch (step.state) {
    case 'cached':
      // A base image that was here and had to be unpacked.
      return paint.cyan(
        step.transfers === undefined || step.durationMs < SHOWN_MS
          ? 'CACHED'
          : `CACHED ${seconds(step.durationMs)}`,
      );
    case 'reused':
      return paint.magenta('REUSED');
    case 'failed':
      return paint.red(`ERROR ${seconds(step.durationMs)}`);
    case 'cancelled':
      return 'CANCELED';
    default:
      return paint.green(`DONE ${seconds(step.durationMs)}`);
  }
}
