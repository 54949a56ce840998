import { style } from '../errors/style.ts';
import type { BuildEvent } from './event.ts';
import { BuildModel } from './model.ts';
import type { Output, Renderer } from './renderer.ts';
import { failureLines } from './report.ts';

/** Prints nothing, except the last lines of a failed step. */
export class QuietRenderer implements Renderer {
  readonly #output: Output;
  readonly #model = new BuildModel();

  constructor(output: Output) {
    this.#output = output;
  }

  handle(event: BuildEvent): void {
    this.#model.apply(event);
    if (event.type !== 'build.failed') return;
    for (const line of failureLines(this.#model, style(false))) this.#output.write(`${line}\n`);
  }

  end(): void {}
}
