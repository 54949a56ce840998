import type { Emit } from '../events/event.ts';
import type { ExecOutput, OutputLimit } from '../protocol/exec-request.ts';

/**
 * How much of a step's output is reported, in bytes: endless output must not fill logs and memory. The
 * worker leaves out what is between the beginning and the end.
 */
export const OUTPUT_LIMIT: OutputLimit = { head: 16 << 20, tail: 64 << 10 };

/** Reports a step's output, and where some of it is left out. */
export class StepOutput {
  readonly #decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };

  constructor(
    private readonly emit: Emit,
    private readonly step: string,
  ) {}

  /** @returns the text */
  add({ stream, data, dropped }: ExecOutput): string {
    if (dropped !== undefined) this.#leaveOut(dropped);
    const text = this.#decoders[stream].decode(data, { stream: true });
    this.#tell(stream, text);
    return text;
  }

  #leaveOut(bytes: number): void {
    // A limit that was reached stays reached.
    for (const stream of ['stdout', 'stderr'] as const) this.#tell(stream, this.#decoders[stream].decode());
    this.#tell('stderr', `\n[${bytes} bytes of output are left out here]\n`);
  }

  #tell(stream: ExecOutput['stream'], text: string): void {
    if (text !== '') this.emit({ type: 'step.output', step: this.step, stream, text });
  }
}
