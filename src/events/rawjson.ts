import { JettisonError } from '../errors/error.ts';
import { visibleJson } from '../errors/safe-text.ts';
import type { BuildEvent } from './event.ts';
import type { Output, Renderer } from './renderer.ts';

/** One event per line, as JSON, for programs. */
export class RawJsonRenderer implements Renderer {
  readonly #output: Output;

  constructor(output: Output) {
    this.#output = output;
  }

  handle(event: BuildEvent): void {
    this.#output.write(`${eventLine(event)}\n`);
  }

  end(): void {}
}

/** An event as one line of JSON. The error of `build.failed` is an object with its fields. */
export function eventLine(event: BuildEvent): string {
  const facts = event.type === 'build.failed' ? { ...event, error: errorFacts(event.error) } : event;
  return visibleJson(JSON.stringify(facts));
}

function errorFacts(error: JettisonError | Error): Record<string, unknown> {
  if (!(error instanceof JettisonError)) {
    return { code: 'INTERNAL', message: error.message, stack: error.stack };
  }
  const { code, message, hint, location, source, sourceLine, exitCode, details } = error;
  return { code, message, hint, location, source, sourceLine, exitCode, details };
}
